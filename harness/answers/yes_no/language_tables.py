"""How languages other than English say yes and no: data for `harness.answers.yes_no.languages`."""

from __future__ import annotations

from typing import Final, NamedTuple

from harness.answers.wording import word_set


class Language(NamedTuple):
    """Patterns of one language, matched on lower-case text.

    Attributes:
        ignored: what holds a yes or no without saying it, such as "yes or no" and "no doubt".
        unsure: what says that there is no answer.
        yes: words that a sentence begins with when it affirms.
        no: words that a sentence begins with when it denies.
        denies: words that make a sentence a denial wherever they stand in it.
        affirms: words that make any other sentence an affirmation.
    """

    ignored: str
    unsure: str
    yes: str
    no: str
    denies: str
    affirms: str


LANGUAGES: Final = {
    "zh": Language(
        ignored="有还是没有|是还是不是|是否(?!定)|有没有|有無|有没|是不是|是或否|是/否|是还是否|对不对|能不能|会不会|毫无疑问|无疑|不仅|不但|不过|不同|不只|没问题|要不|并不只",
        unsure="无法|無法|不能确定|不確定|不确定|不清楚|看不清|难以|難以|不知道|抱歉|对不起|不好说|说不准|不明确",
        yes=(
            "是的|是$|是(?=[,，.。!！ ])|对的|对$|对(?=[,，.。!！ ])|對|没错|沒錯|有的|有$|有(?=[,，.。!！ ])"
            "|正确|正確|当然|當然|肯定|确实|確實|存在$|可以"
            "|能$|能(?=[,，])|嗯|会的|属实"
        ),
        no=(
            "不是|不对|不對|不存在|不正确|不正確|否|没有|沒有|没$|没(?=[,，.。!！ ])|不$|不(?=[,，.。!！ ])|无$"
            "|并没有|并非|并不|错误|錯誤|错$|不会|不能|不可以|不行"
        ),
        denies="没有|沒有|不存在|不是|未(?:见|出现|显示|看到|包含|发现)|并无|并未|并不|不包含|没|無|无|不|否定|错误",
        affirms="有|存在|是|包含|可以看到|能看到|看到|出现|显示|肯定|正确",
    ),
    "ja": Language(
        ignored="はいまたはいいえ|はいかいいえ|はい/いいえ|あるかどうか|いるかどうか|かどうか|間違いなく|疑いなく",
        unsure="わかりません|分かりません|判断できません|不明|判断でき|申し訳|確認できません|わからない|答えられ",
        yes="はい|ええ|うん|そうです|その通り|正しい|あります|います",
        no="いいえ|いえ|いや|違います|ちがいます|ありません|いません|正しくありません|間違い",
        denies="ありません|いません|ない|ませんでした|ません|ではなく|存在しません|見当たりません|見えません|写っていません|無い|なし",
        affirms="あります|います|ある|いる|写っています|映っています|見えます|存在します|です",
    ),
    "ko": Language(
        ignored=(
            "예 ?(?:또는|나|혹은|/) ?아니[요오]|네 ?(?:또는|나|혹은|/) ?아니[요오]|있는지|없는지|인지|여부"
            "|의심할 여지 없이|틀림없이"
        ),
        unsure="알 수 없|모르겠|확인할 수 없|판단할 수 없|확실하지|죄송|불확실|불분명|어렵습니다",
        yes="네|예|응|그렇습니다|맞습니다|맞아요|있습니다|있어요|그래요",
        no="아니요|아니오|아뇨|아니|아닙니다|없습니다|없어요|틀렸|틀립",
        denies="없습니다|없어요|없다|않습니다|않아요|않는다|아닙니다|아니다|보이지 않|못",
        affirms="있습니다|있어요|있다|보입니다|보여요|맞습니다|입니다",
    ),
    "ru": Language(
        ignored="да или нет|да/нет|нет сомнений|без сомнения|несомненно|есть ли|не только",
        unsure=(
            "не могу (?:определить|сказать|ответить|помочь)|невозможно|неясно|не ясно|непонятно|не знаю"
            "|неизвестно|извините|трудно сказать|сложно сказать|не уверен"
        ),
        yes="да|верно|правильно|конечно|именно|безусловно|правда|точно|ага",
        no="нет|неверно|неправильно|ложь|отнюдь|никак нет|не верно",
        denies=r"\bнет\b|\bне\b|\bни\b|отсутству|без",
        affirms="есть|вид(?:на|ен|но|ны)|присутству|изображ|находится|имеется|показан|вижу|содерж|можно увидеть",
    ),
    "uk": Language(
        ignored="так чи ні",
        unsure="не можу|неможливо",
        yes="так",
        no="ні",
        denies=r"\bне\b|\bнемає\b|\bні\b",
        affirms=r"\bє\b",
    ),
    "ar": Language(
        ignored="نعم أو لا|نعم أم لا|نعم/لا|لا شك|بلا شك|لا ريب|بدون شك",
        unsure="لا (?:أستطيع|يمكنني|يمكن (?:تحديد|معرفة|الجزم)|أعرف|أعلم)|غير واضح|غير مؤكد|آسف|عذر",
        yes="نعم|أجل|بلى|صحيح|بالتأكيد|بالطبع|اي نعم",
        no="لا|كلا|ليس|غير صحيح|خطأ",
        denies=r"\bلا\b|ليس|لا يوجد|لا توجد|لم|غير|بدون",
        affirms="يوجد|توجد|هناك|أرى|تظهر|يظهر|تحتوي",
    ),
    "fa": Language(
        ignored="بله یا خیر",
        unsure="نمی ?توانم|مشخص نیست|نمی ?دانم",
        yes="بله|آری|درست است",
        no="خیر|نه|نخیر",
        denies="نیست|وجود ندارد|ندارد|نمی",
        affirms="هست|وجود دارد|است",
    ),
    "hi": Language(
        ignored="हा[ँं] या नहीं|है या नहीं|हैं या नहीं|कोई शक नहीं|बेशक नहीं|इसमें कोई संदेह नहीं",
        unsure="नहीं (?:बता|कह|जान|दे) सक|निर्धारित नहीं|स्पष्ट नहीं|पता नहीं|माफ|क्षमा",
        yes="जी हा[ँं]|हा[ँं]|हाँजी|सही|बिल्कुल$|सत्य|जी$",
        no="जी नहीं|नहीं|ना$|ना(?=[,। ])|गलत|असत्य|बिल्कुल नहीं",
        denies="नहीं|ना ",
        affirms="है|हैं|दिख",
    ),
    "bn": Language(
        ignored="হ্যাঁ বা না",
        unsure="জানি না",
        yes="হ্যাঁ|হা",
        no="না|নেই",
        denies="নেই|না",
        affirms="আছে",
    ),
    "th": Language(
        ignored="ใช่หรือไม่|หรือไม่|มีหรือไม่",
        unsure="ไม่ทราบ|ไม่แน่ใจ|ไม่สามารถ|ขอโทษ|ขออภัย",
        yes="ใช่|มี|ถูกต้อง|ครับ|ค่ะ",
        no="ไม่|เปล่า|ผิด",
        denies="ไม่",
        affirms="มี|เป็น|เห็น",
    ),
    "el": Language(
        ignored="ναι ή όχι",
        unsure="δεν μπορώ|δεν είναι σαφές|δεν ξέρω",
        yes="ναι|σωστά|βεβαίως",
        no="όχι|λάθος",
        denies=r"\bδεν\b|\bόχι\b|κανένα",
        affirms="υπάρχει|υπάρχουν|φαίνεται|βλέπω",
    ),
    "he": Language(
        ignored="כן או לא",
        unsure="לא ניתן|לא יודע|אי אפשר|מצטער",
        yes="כן|נכון|בהחלט",
        no="לא|אין|שגוי",
        denies=r"\bאין\b|\bלא\b",
        affirms=r"\bיש\b|רואה",
    ),
    "es": Language(
        ignored=(
            r"s[ií] o (?:un )?no\b|s[ií]/no\b|no hay duda(?: de que)?|sin duda|sin lugar a dudas|no solo|no sólo"
            r"|no cabe duda(?: de que)?|si hay|si existe"
        ),
        unsure=(
            "no (?:lo |la )?(?:puedo|se puede|es posible|sé|estoy seguro|está claro|queda claro)|lo siento"
            "|imposible|no hay (?:suficiente|información)|incierto|desconozco|no podría decir"
        ),
        yes=(
            "s[ií]|claro(?: que sí)?|por supuesto|correcto|verdadero|efectivamente|afirmativo|así es|cierto"
            "|desde luego|exacto|sí señor"
        ),
        no=(
            "no|falso|incorrecto|negativo|para nada|en absoluto|claro que no|por supuesto que no|tampoco"
            "|ningun[oa]?|ningún"
        ),
        denies=(
            r"\b(?:no (?:hay|se ve|se ven|aparece|aparecen|veo|existe|existen|contiene|muestra|está|están|es"
            r"|tiene|lleva|puedo ver|hace|se)|ning[uú]n[oa]?|nada|sin un|carece)\b"
        ),
        affirms=(
            r"\b(?:hay|se ven?|aparecen?|veo|existen?|contiene|muestra|se puede ver|se observa|podemos ver"
            r"|puedo ver|está|tiene)\b"
        ),
    ),
    "pt": Language(
        ignored="sim ou (?:um )?não|sim/não|sem dúvida|não há dúvida(?: de que)?|não só|não apenas|se há|se existe",
        unsure=(
            "não (?:posso|consigo (?:determinar|dizer|ajudar|responder)|é possível|sei|tenho certeza"
            "|está claro)|desculpe|impossível|não há informaç"
        ),
        yes="sim|claro(?: que sim)?|com certeza|correto|verdadeiro|certamente|isso mesmo|exatamente|afirmativo|há sim",
        no="não|nao|falso|incorreto|errado|negativo|de jeito nenhum|de modo algum|claro que não|nenhum[a]?",
        denies=r"\b(?:não|nao|nenhum[a]?|sem um|nada)\b",
        affirms=r"\b(?:há|existem?|vejo|aparecem?|mostra|contém|é possível ver|podemos ver|tem|está)\b",
    ),
    "fr": Language(
        ignored=(
            r"oui ou (?:un )?non\b|oui/non\b|sans (?:aucun )?doute|il n'y a (?:pas de|aucun) doute(?: que)?"
            r"|pas seulement|s'il y a|non seulement"
        ),
        unsure=(
            "je (?:ne (?:peux|sais|suis) pas|suis désolée?)|impossible (?:de|à)|il est (?:impossible|difficile)"
            "|pas (?:clair|certain|sûr|possible)|désolée?|on ne peut pas (?:dire|savoir|déterminer)"
        ),
        yes=(
            "oui|ouais|bien sûr|certainement|correct|vrai|tout à fait|effectivement|exact(?:ement)?|absolument"
            "|en effet|affirmatif|si"
        ),
        no=(
            "non|nan|faux|pas du tout|absolument pas|bien sûr que non|certainement pas|négatif|incorrect"
            "|aucun[e]?|jamais|nullement"
        ),
        denies=(
            r"\b(?:n'y a (?:pas|aucun)|ne (?:\w+ )+(?:pas|aucun|jamais)|n'\w+ (?:pas|aucun)|n'est pas|aucun[e]?"
            r"|ne vois pas|pas de|pas d'|sans)\b"
        ),
        affirms=(
            r"\b(?:il y a|on (?:peut )?voi[tr]|je vois|montre|contient|se trouve|apparaît|est visible"
            r"|sont visibles|nous voyons)\b"
        ),
    ),
    "de": Language(
        ignored="ja oder nein|ja/nein|kein(?:en)? zweifel(?:,? dass)?|zweifellos|ohne zweifel|nicht nur|ob es|ob ein",
        unsure=(
            r"kann (?:ich )?(?:\w+ ){0,3}nicht (?:\w+ )?(?:sagen|bestimmen|erkennen|beantworten|feststellen)"
            r"|unklar|nicht (?:klar|sicher|eindeutig)|lässt sich nicht|leider kann|weiß (?:\w+ ){0,2}nicht"
            r"|unmöglich|tut mir leid"
        ),
        yes=(
            "ja|jawohl|jep|natürlich|richtig|korrekt|stimmt|genau|wahr|selbstverständlich|auf jeden fall|sicher"
            "|doch|allerdings|definitiv"
        ),
        no=(
            "nein|nee|nö|falsch|keineswegs|auf keinen fall|natürlich nicht|stimmt nicht|nicht richtig|unwahr"
            "|überhaupt nicht|kein[e]?[rsnm]?"
        ),
        denies=r"\b(?:kein|keine|keinen|keinem|keiner|nicht|nirgends|nichts|ohne)\b",
        affirms=(
            r"\b(?:es gibt|gibt es|ist (?:ein|eine|zu sehen)|sind|sehe|sieht man|zeigt|befindet sich|enthält"
            r"|zu sehen|ist)\b"
        ),
    ),
    "it": Language(
        ignored=r"s[iì] o (?:un )?no\b|s[iì]/no\b|senza (?:alcun )?dubbio|non c'è dubbio(?: che)?|non solo|se c'è",
        unsure=(
            "non (?:posso|è possibile|so|sono sicur[oa]|è chiaro|si può (?:dire|determinare))|mi dispiace"
            "|impossibile|scusa"
        ),
        yes=(
            "s[iì]|certo(?: che sì)?|certamente|corretto|vero|esatto|esattamente|sicuramente|assolutamente sì"
            "|naturalmente"
        ),
        no="no|falso|sbagliato|negativo|assolutamente no|certo che no|per niente|affatto|nessun[oa]?|per nulla",
        denies=r"\b(?:non|nessun[oa]?|niente|senza un)\b",
        affirms=r"\b(?:c'è|ci sono|vedo|si vede|si vedono|mostra|contiene|appare|è presente|è visibile|è)\b",
    ),
    "nl": Language(
        ignored="ja of nee|ja/nee|geen twijfel|zonder twijfel",
        unsure="kan (?:ik )?niet|onduidelijk|weet (?:ik )?niet|onmogelijk",
        yes="ja|jazeker|klopt|correct|juist|waar|zeker",
        no="nee|neen|onjuist|niet waar|fout",
        denies=r"\b(?:geen|niet|nergens)\b",
        affirms=r"\b(?:er is|er zijn|ik zie|is te zien|toont)\b",
    ),
    "pl": Language(
        ignored="tak lub nie|tak czy nie|bez wątpienia|nie tylko",
        unsure="nie mogę|nie wiem|nie można|niejasne|trudno powiedzieć",
        yes="tak|oczywiście|prawda|zgadza się",
        no="nie|nieprawda|fałsz",
        denies=r"\b(?:nie|brak|żaden)\b",
        affirms=r"\b(?:jest|są|widać|widzę|znajduje się)\b",
    ),
    "tr": Language(
        ignored="evet (?:veya|ya da) hayır|evet/hayır|şüphesiz|var mı",
        unsure="belirlenemez|emin değilim|bilmiyorum|söyleyemem|üzgünüm",
        yes="evet|doğru|elbette|tabii|kesinlikle",
        no="hayır|yanlış|değil|yok",
        denies=r"\b(?:yok|değil|görünmüyor|bulunmuyor|bulunmamaktadır|yoktur)\b",
        affirms=r"\b(?:var|vardır|görünüyor|bulunuyor|bulunmaktadır)\b",
    ),
    "vi": Language(
        ignored="có hay không|có hoặc không|có/không|không nghi ngờ|có phải",
        unsure="không thể|không rõ|không biết|không chắc|xin lỗi",
        yes="có|đúng|vâng|phải|chính xác|dạ",
        no="không|sai|chưa",
        denies=r"\bkhông\b|\bchẳng\b",
        affirms=r"\b(?:có|thấy)\b",
    ),
    "id": Language(
        ignored="ya atau tidak|ya/tidak|tidak diragukan|tanpa keraguan|apakah",
        unsure="tidak (?:bisa|dapat) (?:menentukan|memastikan|menjawab|membantu)|tidak tahu|maaf|tidak jelas",
        yes="ya|iya|benar|betul|tentu",
        no="tidak|bukan|salah|nggak|tak",
        denies=r"\b(?:tidak|bukan|tanpa)\b",
        affirms=r"\b(?:ada|terdapat|terlihat|tampak)\b",
    ),
    "sv": Language(
        ignored="ja eller nej|utan tvekan",
        unsure="kan inte avgöra|vet inte|oklart",
        yes="ja|japp|korrekt|rätt|sant|absolut",
        no="nej|fel|falskt|inte",
        denies=r"\b(?:inte|ingen|inga|inget)\b",
        affirms=r"\b(?:det finns|jag ser|visar|syns)\b",
    ),
    "cs": Language(
        ignored="ano nebo ne",
        unsure="nemohu|nevím|nelze",
        yes="ano|jistě|správně|pravda",
        no="ne|nikoli|nepravda|špatně",
        denies=r"\b(?:není|nejsou|ne|žádný)\b",
        affirms=r"\b(?:je|jsou|vidím)\b",
    ),
    "ro": Language(
        ignored="da sau nu",
        unsure="nu pot|nu știu|neclar",
        yes="da|desigur|corect|adevărat",
        no="nu|fals|incorect|deloc",
        denies=r"\b(?:nu|niciun|nicio)\b",
        affirms=r"\b(?:există|este|sunt|văd)\b",
    ),
    "hu": Language(
        ignored="igen vagy nem",
        unsure="nem tudom|nem lehet",
        yes="igen|helyes|persze",
        no="nem|hamis",
        denies=r"\b(?:nem|nincs|nincsen)\b",
        affirms=r"\b(?:van|látható)\b",
    ),
    "fi": Language(
        ignored="kyllä vai ei|kyllä tai ei",
        unsure="en tiedä|en voi|epäselvä",
        yes="kyllä|joo|totta|oikein",
        no="ei|väärin",
        denies=r"\b(?:ei|eivät)\b",
        affirms=r"\b(?:on|näkyy|ovat)\b",
    ),
    "sw": Language(
        ignored="ndiyo au hapana",
        unsure="sijui|siwezi",
        yes="ndiyo|ndio|kweli",
        no="hapana|sio|siyo",
        denies=r"\b(?:hakuna|si|sio)\b",
        affirms=r"\b(?:kuna|ipo)\b",
    ),
}

# Words that tell which language in Latin script a text is in, in the order in which ties are settled.
LATIN: Final[dict[str, frozenset[str]]] = {
    "es": word_set(
        "hay el la los las una un en que imagen foto video respuesta sí del claro supuesto"
        " correcto verdadero falso sé está es perro veo se con por puedo y"
    ),
    "pt": word_set(
        "há o os as uma um na no em que imagem foto vídeo resposta não sim do da certeza"
        " verdadeiro está é cão cachorro vejo com por e"
    ),
    "fr": word_set(
        "il y a le la les une un dans que image l'image photo vidéo réponse non oui est bien sûr"
        " certainement vrai faux absolument sais je on chien sur n'y pas des et"
    ),
    "de": word_set(
        "es gibt der die das ein eine einen einem im bild foto video antwort nein ja ist"
        " natürlich richtig falsch stimmt klar weiß selbstverständlich nicht kein keine hund ich"
        " auf und"
    ),
    "it": word_set(
        "c'è ci il lo la gli una un nel nell'immagine immagine foto video risposta sì non è sono"
        " certo vero falso so cane vedo con che e"
    ),
    "nl": word_set("er het de een in beeld afbeelding foto video antwoord nee ja is niet geen hond ik op zie van en"),
    "pl": word_set("na w zdjęciu obrazie obrazku jest nie tak ma pies psa odpowiedź nie widać i"),
    "tr": word_set("bir resimde görüntüde görselde evet hayır var yok köpek değil cevap yanıt bu ve"),
    "vi": word_set("có không trong hình ảnh video con chó một câu trả lời là và"),
    "id": word_set("ada tidak di dalam gambar ya anjing seekor jawaban video ini terdapat dan"),
    "sv": word_set("det finns en ett i bilden nej ja inte hund jag på svaret är och"),
    "cs": word_set("na obrázku je není ano ne pes psa odpověď vidím a"),
    "ro": word_set("există în imagine un o nu da câine este răspunsul văd și"),
    "hu": word_set("a az van nincs képen igen nem kutya egy válasz és"),
    "fi": word_set("kuvassa on ei kyllä koira ole näkyy vastaus ja"),
    "sw": word_set("kuna hakuna mbwa katika picha ndiyo hapana jibu ni na"),
}
