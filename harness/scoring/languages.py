"""Yes and no in languages other than English: answers that begin a sentence, and sentences that affirm or deny."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Literal, NamedTuple

from harness.scoring.wording import vocabulary

Vote = Literal["yes", "no", "unsure"]


class _Language(NamedTuple):
    """Patterns of one language, matched on lower-case text: what to ignore, what is unsure, yes, no, denial, affirmation."""

    ignored: str
    unsure: str
    yes: str
    no: str
    denies: str
    affirms: str


_LANGUAGES: Final = {
    "zh": _Language(
        "是否(?!定)|有没有|有無|有没|是不是|是或否|是/否|是还是否|对不对|能不能|会不会|毫无疑问|无疑|不仅|不但|不过|不同|不只|没问题|要不|并不只",
        "无法|無法|不能确定|不確定|不确定|不清楚|看不清|难以|難以|不知道|抱歉|对不起|不好说|说不准|不明确",
        "是的|是$|是(?=[,，.。!！ ])|对的|对$|对(?=[,，.。!！ ])|對|没错|沒錯|有的|有$|有(?=[,，.。!！ ])|正确|正確|当然|當然|肯定|确实|確實|存在$|可以|能$|能(?=[,，])|嗯|会的|属实",
        "不是|不对|不對|不存在|不正确|不正確|否|没有|沒有|没$|没(?=[,，.。!！ ])|不$|不(?=[,，.。!！ ])|无$|并没有|并非|并不|错误|錯誤|错$|不会|不能|不可以|不行",
        "没有|沒有|不存在|不是|未(?:见|出现|显示|看到|包含|发现)|并无|并未|并不|不包含|没|無|无|不|否定|错误",
        "有|存在|是|包含|可以看到|能看到|看到|出现|显示|肯定|正确",
    ),
    "ja": _Language(
        "はいまたはいいえ|はいかいいえ|はい/いいえ|あるかどうか|いるかどうか|かどうか|間違いなく|疑いなく",
        "わかりません|分かりません|判断できません|不明|判断でき|申し訳|確認できません|わからない|答えられ",
        "はい|ええ|うん|そうです|その通り|正しい|あります|います",
        "いいえ|いえ|いや|違います|ちがいます|ありません|いません|正しくありません|間違い",
        "ありません|いません|ない|ませんでした|ません|ではなく|存在しません|見当たりません|見えません|写っていません|無い|なし",
        "あります|います|ある|いる|写っています|映っています|見えます|存在します|です",
    ),
    "ko": _Language(
        "예 ?(?:또는|나|혹은|/) ?아니[요오]|네 ?(?:또는|나|혹은|/) ?아니[요오]|있는지|없는지|인지|여부|의심할 여지 없이|틀림없이",
        "알 수 없|모르겠|확인할 수 없|판단할 수 없|확실하지|죄송|불확실|불분명|어렵습니다",
        "네|예|응|그렇습니다|맞습니다|맞아요|있습니다|있어요|그래요",
        "아니요|아니오|아뇨|아니|아닙니다|없습니다|없어요|틀렸|틀립",
        "없습니다|없어요|없다|않습니다|않아요|않는다|아닙니다|아니다|보이지 않|못",
        "있습니다|있어요|있다|보입니다|보여요|맞습니다|입니다",
    ),
    "ru": _Language(
        "да или нет|да/нет|нет сомнений|без сомнения|несомненно|есть ли|не только",
        "не могу (?:определить|сказать|ответить|помочь)|невозможно|неясно|не ясно|непонятно|не знаю|неизвестно|извините|трудно сказать|сложно сказать|не уверен",
        "да|верно|правильно|конечно|именно|безусловно|правда|точно|ага",
        "нет|неверно|неправильно|ложь|отнюдь|никак нет|не верно",
        r"\bнет\b|\bне\b|\bни\b|отсутству|без",
        "есть|вид(?:на|ен|но|ны)|присутству|изображ|находится|имеется|показан|вижу|содерж|можно увидеть",
    ),
    "uk": _Language("так чи ні", "не можу|неможливо", "так", "ні", r"\bне\b|\bнемає\b|\bні\b", r"\bє\b"),
    "ar": _Language(
        "نعم أو لا|نعم أم لا|نعم/لا|لا شك|بلا شك|لا ريب|بدون شك",
        "لا (?:أستطيع|يمكنني|يمكن (?:تحديد|معرفة|الجزم)|أعرف|أعلم)|غير واضح|غير مؤكد|آسف|عذر",
        "نعم|أجل|بلى|صحيح|بالتأكيد|بالطبع|اي نعم",
        "لا|كلا|ليس|غير صحيح|خطأ",
        r"\bلا\b|ليس|لا يوجد|لا توجد|لم|غير|بدون",
        "يوجد|توجد|هناك|أرى|تظهر|يظهر|تحتوي",
    ),
    "fa": _Language("بله یا خیر", "نمی ?توانم|مشخص نیست|نمی ?دانم", "بله|آری|درست است", "خیر|نه|نخیر", "نیست|وجود ندارد|ندارد|نمی", "هست|وجود دارد|است"),
    "hi": _Language(
        "हा[ँं] या नहीं|है या नहीं|हैं या नहीं|कोई शक नहीं|बेशक नहीं|इसमें कोई संदेह नहीं",
        "नहीं (?:बता|कह|जान|दे) सक|निर्धारित नहीं|स्पष्ट नहीं|पता नहीं|माफ|क्षमा",
        "जी हा[ँं]|हा[ँं]|हाँजी|सही|बिल्कुल$|सत्य|जी$",
        "जी नहीं|नहीं|ना$|ना(?=[,। ])|गलत|असत्य|बिल्कुल नहीं",
        "नहीं|ना ",
        "है|हैं|दिख",
    ),
    "bn": _Language("হ্যাঁ বা না", "জানি না", "হ্যাঁ|হা", "না|নেই", "নেই|না", "আছে"),
    "th": _Language("ใช่หรือไม่|หรือไม่|มีหรือไม่", "ไม่ทราบ|ไม่แน่ใจ|ไม่สามารถ|ขอโทษ|ขออภัย", "ใช่|มี|ถูกต้อง|ครับ|ค่ะ", "ไม่|เปล่า|ผิด", "ไม่", "มี|เป็น|เห็น"),
    "el": _Language("ναι ή όχι", "δεν μπορώ|δεν είναι σαφές|δεν ξέρω", "ναι|σωστά|βεβαίως", "όχι|λάθος", r"\bδεν\b|\bόχι\b|κανένα", "υπάρχει|υπάρχουν|φαίνεται|βλέπω"),
    "he": _Language("כן או לא", "לא ניתן|לא יודע|אי אפשר|מצטער", "כן|נכון|בהחלט", "לא|אין|שגוי", r"\bאין\b|\bלא\b", r"\bיש\b|רואה"),
    "es": _Language(
        r"s[ií] o (?:un )?no\b|s[ií]/no\b|no hay duda(?: de que)?|sin duda|sin lugar a dudas|no solo|no sólo|no cabe duda(?: de que)?|si hay|si existe",
        r"no (?:lo |la )?(?:puedo|se puede|es posible|sé|estoy seguro|está claro|queda claro)|lo siento|imposible|no hay (?:suficiente|información)|incierto|desconozco|no podría decir",
        r"s[ií]|claro(?: que sí)?|por supuesto|correcto|verdadero|efectivamente|afirmativo|así es|cierto|desde luego|exacto|sí señor",
        r"no|falso|incorrecto|negativo|para nada|en absoluto|claro que no|por supuesto que no|tampoco|ningun[oa]?|ningún",
        r"\b(?:no (?:hay|se ve|se ven|aparece|aparecen|veo|existe|existen|contiene|muestra|está|están|es|tiene|lleva|puedo ver|hace|se)|ning[uú]n[oa]?|nada|sin un|carece)\b",
        r"\b(?:hay|se ven?|aparecen?|veo|existen?|contiene|muestra|se puede ver|se observa|podemos ver|puedo ver|está|tiene)\b",
    ),
    "pt": _Language(
        r"sim ou (?:um )?não|sim/não|sem dúvida|não há dúvida(?: de que)?|não só|não apenas|se há|se existe",
        r"não (?:posso|consigo (?:determinar|dizer|ajudar|responder)|é possível|sei|tenho certeza|está claro)|desculpe|impossível|não há informaç",
        r"sim|claro(?: que sim)?|com certeza|correto|verdadeiro|certamente|isso mesmo|exatamente|afirmativo|há sim",
        r"não|nao|falso|incorreto|errado|negativo|de jeito nenhum|de modo algum|claro que não|nenhum[a]?",
        r"\b(?:não|nao|nenhum[a]?|sem um|nada)\b",
        r"\b(?:há|existem?|vejo|aparecem?|mostra|contém|é possível ver|podemos ver|tem|está)\b",
    ),
    "fr": _Language(
        r"oui ou (?:un )?non\b|oui/non\b|sans (?:aucun )?doute|il n'y a (?:pas de|aucun) doute(?: que)?|pas seulement|s'il y a|non seulement",
        r"je (?:ne (?:peux|sais|suis) pas|suis désolée?)|impossible (?:de|à)|il est (?:impossible|difficile)|pas (?:clair|certain|sûr|possible)|désolée?|on ne peut pas (?:dire|savoir|déterminer)",
        r"oui|ouais|bien sûr|certainement|correct|vrai|tout à fait|effectivement|exact(?:ement)?|absolument|en effet|affirmatif|si",
        r"non|nan|faux|pas du tout|absolument pas|bien sûr que non|certainement pas|négatif|incorrect|aucun[e]?|jamais|nullement",
        r"\b(?:n'y a (?:pas|aucun)|ne (?:\w+ )+(?:pas|aucun|jamais)|n'\w+ (?:pas|aucun)|n'est pas|aucun[e]?|ne vois pas|pas de|pas d'|sans)\b",
        r"\b(?:il y a|on (?:peut )?voi[tr]|je vois|montre|contient|se trouve|apparaît|est visible|sont visibles|nous voyons)\b",
    ),
    "de": _Language(
        r"ja oder nein|ja/nein|kein(?:en)? zweifel(?:,? dass)?|zweifellos|ohne zweifel|nicht nur|ob es|ob ein",
        r"kann (?:ich )?(?:\w+ ){0,3}nicht (?:\w+ )?(?:sagen|bestimmen|erkennen|beantworten|feststellen)|unklar|nicht (?:klar|sicher|eindeutig)|lässt sich nicht|leider kann|weiß (?:\w+ ){0,2}nicht|unmöglich|tut mir leid",
        r"ja|jawohl|jep|natürlich|richtig|korrekt|stimmt|genau|wahr|selbstverständlich|auf jeden fall|sicher|doch|allerdings|definitiv",
        r"nein|nee|nö|falsch|keineswegs|auf keinen fall|natürlich nicht|stimmt nicht|nicht richtig|unwahr|überhaupt nicht|kein[e]?[rsnm]?",
        r"\b(?:kein|keine|keinen|keinem|keiner|nicht|nirgends|nichts|ohne)\b",
        r"\b(?:es gibt|gibt es|ist (?:ein|eine|zu sehen)|sind|sehe|sieht man|zeigt|befindet sich|enthält|zu sehen|ist)\b",
    ),
    "it": _Language(
        r"s[iì] o (?:un )?no\b|s[iì]/no\b|senza (?:alcun )?dubbio|non c'è dubbio(?: che)?|non solo|se c'è",
        r"non (?:posso|è possibile|so|sono sicur[oa]|è chiaro|si può (?:dire|determinare))|mi dispiace|impossibile|scusa",
        r"s[iì]|certo(?: che sì)?|certamente|corretto|vero|esatto|esattamente|sicuramente|assolutamente sì|naturalmente",
        r"no|falso|sbagliato|negativo|assolutamente no|certo che no|per niente|affatto|nessun[oa]?|per nulla",
        r"\b(?:non|nessun[oa]?|niente|senza un)\b",
        r"\b(?:c'è|ci sono|vedo|si vede|si vedono|mostra|contiene|appare|è presente|è visibile|è)\b",
    ),
    "nl": _Language("ja of nee|ja/nee|geen twijfel|zonder twijfel", "kan (?:ik )?niet|onduidelijk|weet (?:ik )?niet|onmogelijk", "ja|jazeker|klopt|correct|juist|waar|zeker", "nee|neen|onjuist|niet waar|fout", r"\b(?:geen|niet|nergens)\b", r"\b(?:er is|er zijn|ik zie|is te zien|toont)\b"),
    "pl": _Language("tak lub nie|tak czy nie|bez wątpienia|nie tylko", "nie mogę|nie wiem|nie można|niejasne|trudno powiedzieć", "tak|oczywiście|prawda|zgadza się", "nie|nieprawda|fałsz", r"\b(?:nie|brak|żaden)\b", r"\b(?:jest|są|widać|widzę|znajduje się)\b"),
    "tr": _Language("evet (?:veya|ya da) hayır|evet/hayır|şüphesiz|var mı", "belirlenemez|emin değilim|bilmiyorum|söyleyemem|üzgünüm", "evet|doğru|elbette|tabii|kesinlikle", "hayır|yanlış|değil|yok", r"\b(?:yok|değil|görünmüyor|bulunmuyor|bulunmamaktadır|yoktur)\b", r"\b(?:var|vardır|görünüyor|bulunuyor|bulunmaktadır)\b"),
    "vi": _Language("có hay không|có hoặc không|có/không|không nghi ngờ|có phải", "không thể|không rõ|không biết|không chắc|xin lỗi", "có|đúng|vâng|phải|chính xác|dạ", "không|sai|chưa", r"\bkhông\b|\bchẳng\b", r"\b(?:có|thấy)\b"),
    "id": _Language("ya atau tidak|ya/tidak|tidak diragukan|tanpa keraguan|apakah", "tidak (?:bisa|dapat) (?:menentukan|memastikan|menjawab|membantu)|tidak tahu|maaf|tidak jelas", "ya|iya|benar|betul|tentu", "tidak|bukan|salah|nggak|tak", r"\b(?:tidak|bukan|tanpa)\b", r"\b(?:ada|terdapat|terlihat|tampak)\b"),
    "sv": _Language("ja eller nej|utan tvekan", "kan inte avgöra|vet inte|oklart", "ja|japp|korrekt|rätt|sant|absolut", "nej|fel|falskt|inte", r"\b(?:inte|ingen|inga|inget)\b", r"\b(?:det finns|jag ser|visar|syns)\b"),
    "cs": _Language("ano nebo ne", "nemohu|nevím|nelze", "ano|jistě|správně|pravda", "ne|nikoli|nepravda|špatně", r"\b(?:není|nejsou|ne|žádný)\b", r"\b(?:je|jsou|vidím)\b"),
    "ro": _Language("da sau nu", "nu pot|nu știu|neclar", "da|desigur|corect|adevărat", "nu|fals|incorect|deloc", r"\b(?:nu|niciun|nicio)\b", r"\b(?:există|este|sunt|văd)\b"),
    "hu": _Language("igen vagy nem", "nem tudom|nem lehet", "igen|helyes|persze", "nem|hamis", r"\b(?:nem|nincs|nincsen)\b", r"\b(?:van|látható)\b"),
    "fi": _Language("kyllä vai ei|kyllä tai ei", "en tiedä|en voi|epäselvä", "kyllä|joo|totta|oikein", "ei|väärin", r"\b(?:ei|eivät)\b", r"\b(?:on|näkyy|ovat)\b"),
    "sw": _Language("ndiyo au hapana", "sijui|siwezi", "ndiyo|ndio|kweli", "hapana|sio|siyo", r"\b(?:hakuna|si|sio)\b", r"\b(?:kuna|ipo)\b"),
}  # fmt: skip

_SCRIPTS: Final = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("uk", re.compile("[іїєґ]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("fa", re.compile("[پچژگ]|بله|خیر|نیست|است")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
# Words that tell which language in Latin script a text is in, in the order in which ties are settled.
_LATIN: Final[dict[str, frozenset[str]]] = {
    name: frozenset(words.split())
    for name, words in {
        "es": "hay el la los las una un en que imagen foto video respuesta sí del claro supuesto correcto verdadero falso sé está es perro veo se con por puedo y",
        "pt": "há o os as uma um na no em que imagem foto vídeo resposta não sim do da certeza verdadeiro está é cão cachorro vejo com por e",
        "fr": "il y a le la les une un dans que image l'image photo vidéo réponse non oui est bien sûr certainement vrai faux absolument sais je on chien sur n'y pas des et",
        "de": "es gibt der die das ein eine einen einem im bild foto video antwort nein ja ist natürlich richtig falsch stimmt klar weiß selbstverständlich nicht kein keine hund ich auf und",
        "it": "c'è ci il lo la gli una un nel nell'immagine immagine foto video risposta sì non è sono certo vero falso so cane vedo con che e",
        "nl": "er het de een in beeld afbeelding foto video antwoord nee ja is niet geen hond ik op zie van en",
        "pl": "na w zdjęciu obrazie obrazku jest nie tak ma pies psa odpowiedź nie widać i",
        "tr": "bir resimde görüntüde görselde evet hayır var yok köpek değil cevap yanıt bu ve",
        "vi": "có không trong hình ảnh video con chó một câu trả lời là và",
        "id": "ada tidak di dalam gambar ya anjing seekor jawaban video ini terdapat dan",
        "sv": "det finns en ett i bilden nej ja inte hund jag på svaret är och",
        "cs": "na obrázku je není ano ne pes psa odpověď vidím a",
        "ro": "există în imagine un o nu da câine este răspunsul văd și",
        "hu": "a az van nincs képen igen nem kutya egy válasz és",
        "fi": "kuvassa on ei kyllä koira ole näkyy vastaus ja",
        "sw": "kuna hakuna mbwa katika picha ndiyo hapana jibu ni na",
    }.items()
}
_ENGLISH: Final = frozenset("the there are this of and it with does image's i'm you what from see".split())
_SENTENCE: Final = re.compile(r"[.!?;\n。！？；।؟]+")
_OPENING: Final = "[\\s\"'(\\[{<,:;\\-–>=*_。，、：]{0,6}"


class _Compiled(NamedTuple):
    ignored: re.Pattern[str]
    unsure: re.Pattern[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]
    denies: re.Pattern[str]
    affirms: re.Pattern[str]
    spaced: bool


def _compile(name: str) -> _Compiled:
    language = _LANGUAGES[name]
    spaced = name not in ("zh", "ja", "ko", "th")
    edge = r"(?![^\W_])" if spaced else ""
    return _Compiled(
        re.compile(language.ignored),
        re.compile(language.unsure),
        re.compile(f"{_OPENING}(?:{language.yes}){edge}"),
        re.compile(f"{_OPENING}(?:{language.no}){edge}"),
        re.compile(language.denies),
        re.compile(language.affirms),
        spaced,
    )


_COMPILED: Final[dict[str, _Compiled]] = {}


def _language(name: str) -> _Compiled:
    if name not in _COMPILED:
        _COMPILED[name] = _compile(name)
    return _COMPILED[name]


def read_other_language(low: str, words: Collection[str] | None = None) -> Vote | None:
    """Reads yes or no out of a text that is not English.

    Args:
        low: cleaned text in lower case.
        words: its vocabulary, if it is known.

    Returns:
        the vote of the first sentence that begins with yes or no, else of the first that affirms or denies; `unsure`
        where the text says that it cannot be told; `None` where no language says anything.
    """
    if not low.isascii():
        for name, script in _SCRIPTS:
            if script.search(low):
                return _read(low, _language(name))
    words = vocabulary(low[:2000]) if words is None else set(words)
    if not _ENGLISH.isdisjoint(words):
        return None
    likely = max(_LATIN, key=lambda name: len(words & _LATIN[name]))
    return _read(low, _language(likely)) if words & _LATIN[likely] else None


def _read(low: str, language: _Compiled) -> Vote | None:
    low = language.ignored.sub(" ", low)
    declared: Vote | None = None
    for sentence in _SENTENCE.split(low):
        sentence = sentence.strip()
        if not sentence:
            continue
        if language.unsure.search(sentence):
            declared = declared or "unsure"
            continue
        if language.no.match(sentence):
            return "no"
        if language.yes.match(sentence):
            return "yes"
        if declared is None:
            if language.denies.search(sentence):
                declared = "no"
            elif language.affirms.search(sentence):
                declared = "yes"
    return declared
