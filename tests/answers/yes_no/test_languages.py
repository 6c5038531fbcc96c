"""Yes and no in other languages."""

import pytest

from harness.answers.yes_no.language_tables import LANGUAGES, LATIN
from harness.answers.yes_no.languages import read_other_language

# Yes, no and a sentence that denies; of some languages also that it cannot be told.
SAID = {
    "zh": ("是的。", "不是。", "图中没有狗。", "我无法确定。"),
    "ja": ("はい。", "いいえ。", "犬は見えません。", "わかりません。"),
    "ko": ("네.", "아니요.", "개가 없습니다.", "알 수 없습니다."),
    "ru": ("да.", "нет.", "на изображении нет собаки.", "не могу определить."),
    "uk": ("так, є.", "ні, її немає.", "на зображенні немає собаки."),
    "ar": ("نعم.", "لا.", "لا يوجد كلب في الصورة.", "لا أستطيع تحديد ذلك."),
    "fa": ("بله.", "خیر.", "سگی در تصویر نیست."),
    "hi": ("हाँ।", "नहीं।", "चित्र में कोई कुत्ता नहीं है।", "पता नहीं।"),
    "bn": ("হ্যাঁ", "না", "ছবিতে কোনো কুকুর নেই"),
    "th": ("ใช่", "ไม่ใช่", "ไม่มีสุนัขในภาพ"),
    "el": ("ναι.", "όχι.", "δεν υπάρχει σκύλος."),
    "he": ("כן.", "לא.", "אין כלב בתמונה."),
    "es": ("sí, hay un perro.", "no, no lo hay.", "no hay ningún perro en la imagen.", "no puedo determinarlo."),
    "pt": ("sim, há um cachorro.", "não, não há.", "não há um cachorro na imagem."),
    "fr": ("oui, il y a un chien.", "non, il n'y en a pas.", "il n'y a pas de chien.", "je ne peux pas le dire."),
    "de": ("ja, es gibt einen hund.", "nein, den gibt es nicht.", "es gibt keinen hund.", "das kann ich nicht sagen."),
    "it": ("sì, c'è un cane.", "no, non c'è un cane.", "non c'è un cane nell'immagine."),
    "nl": ("ja, er is een hond.", "nee, er is geen hond.", "er is geen hond op de foto."),
    "pl": ("tak, jest pies.", "nie, nie ma psa.", "na obrazku nie ma psa."),
    "tr": ("evet, bir köpek var.", "hayır, köpek yok.", "resimde bir köpek yok."),
    "vi": ("có, trong hình có một con chó.", "không, không có con chó.", "trong hình không có con chó."),
    "id": ("ya, ada anjing.", "tidak, tidak ada anjing.", "di gambar tidak ada anjing."),
    "sv": ("ja, det finns en hund.", "nej, det finns ingen hund.", "det finns ingen hund i bilden."),
    "cs": ("ano, je tam pes.", "ne, pes tam není.", "na obrázku není pes."),
    "ro": ("da, există un câine.", "nu, nu există un câine.", "nu există un câine în imagine."),
    "hu": ("igen, van egy kutya.", "nem, nincs kutya.", "a képen nincs kutya."),
    "fi": ("kyllä, kuvassa on koira.", "ei, koiraa ei ole.", "kuvassa ei ole koiraa."),
    "sw": ("ndiyo, kuna mbwa.", "hapana, hakuna mbwa.", "hakuna mbwa katika picha."),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language(language: str) -> None:
    texts = SAID[language]
    assert [read_other_language(text) for text in texts] == ["yes", "no", "no", "unsure"][: len(texts)]


def test_a_sentence_that_affirms() -> None:
    assert read_other_language("图中有一只狗。") == "yes"
    assert read_other_language("на изображении есть собака.") == "yes"
    assert read_other_language("je vois un chien. non.") == "no"


def test_english_and_names_are_left_alone() -> None:
    assert read_other_language("there is a dog in the image") is None
    assert read_other_language("no") is None
    assert read_other_language("dolly zoom") is None


def test_a_question_back_is_no_answer() -> None:
    assert read_other_language("有没有狗") is None


def test_every_latin_language_has_its_words() -> None:
    assert set(LATIN) <= set(LANGUAGES)
