"""The characters of a body, whatever its header, its meta element and its bytes say."""

import pytest

from websearch_agent.pages.charset import decode_body

CHINESE = "港口建于一九〇四年，从那以后一直供渔船使用，现在每天有三十多艘船进出港口。"
TRADITIONAL = "港口建於一九零四年，現在每天有三十多艘船進出。"
JAPANESE = "この港は千九百四年に造られ、今も漁船が使っています。"
KOREAN = "이 항구는 1904년에 지어졌고 지금도 어선이 쓰고 있다."
GERMAN = "Der Hafen kostete „viel“ – 5 € je Schiff für alle Fischer."
FRENCH = "L’été déjà passé, où êtes-vous ? « Ça va » coûte 5 €"
RUSSIAN = "Порт был построен в 1904 году и с тех пор служит рыбакам."
POLISH = "Zażółć gęślą jaźń; port zbudowano w 1904 roku."


def page(text: str, *, meta: str = "") -> str:
    return f"<html><head>{meta}<title>{text[:8]}</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("label", "charset", "text"),
    [
        ("GBK", "gb18030", CHINESE),
        ("gb2312", "gb18030", CHINESE + "镕堃"),
        ("GB18030", "gb18030", CHINESE + "㐀"),
        ("x-gbk", "gb18030", CHINESE),
        ("Big5", "big5hkscs", TRADITIONAL + "裏恒"),
        ("Shift_JIS", "cp932", JAPANESE + "①髙"),
        ("x-sjis", "cp932", JAPANESE),
        ("windows-31j", "cp932", JAPANESE),
        ("EUC-JP", "euc_jp", JAPANESE),
        ("iso-2022-jp", "iso2022_jp", JAPANESE),
        ("EUC-KR", "cp949", KOREAN + "똠방각하"),
        ("ks_c_5601-1987", "cp949", KOREAN),
        ("utf8", "utf-8", CHINESE),
        ("unicode-1-1-utf-8", "utf-8", CHINESE),
        ("iso-8859-1", "cp1252", GERMAN),
        ("us-ascii", "cp1252", GERMAN),
        ("windows-1252", "cp1252", FRENCH),
        ("x-cp1251", "cp1251", RUSSIAN),
        ("koi8-r", "koi8_r", RUSSIAN),
        ("windows-1250", "cp1250", POLISH),
        ("windows-874", "cp874", "ท่าเรือสร้างในปี 1904"),
        ("iso-8859-8-i", "iso8859_8", "הנמל נבנה בשנת 1904"),
    ],
)
def test_declared_charset_is_used_in_header_and_meta(label: str, charset: str, text: str) -> None:
    in_header = decode_body(
        page(text).encode(charset), content_type=f'text/html; charset="{label}"'
    )
    assert text in in_header
    for meta in (
        f"<meta charset={label}>",
        f"<meta http-equiv=Content-Type content='text/html; charset={label}'>",
    ):
        assert text in decode_body(page(text, meta=meta).encode(charset), content_type="text/html")


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gbk", CHINESE.replace("〇", "零")),
        ("gb18030", CHINESE),
        ("big5", TRADITIONAL),
        ("shift_jis", JAPANESE),
        ("euc_jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("euc_kr", KOREAN),
        ("cp1252", GERMAN),
        ("cp1252", FRENCH),
        ("cp1250", POLISH),
        ("cp1251", RUSSIAN),
        ("utf-8", CHINESE),
        ("utf-8-sig", CHINESE),
        ("utf-16", CHINESE),
        ("utf-16-le", CHINESE),
        ("utf-16-be", CHINESE),
    ],
)
def test_undeclared_charset_is_known_by_the_bytes_of_a_short_page(charset: str, text: str) -> None:
    assert text in decode_body(page(text).encode(charset), content_type="text/html")


@pytest.mark.parametrize(
    ("header", "meta", "charset", "text"),
    [
        ("utf-8", "gbk", "gb18030", CHINESE),
        ("gbk", "utf-8", "gb18030", CHINESE),
        ("iso-8859-1", "gbk", "gb18030", CHINESE),
        ("iso-8859-1", "x-sjis", "cp932", JAPANESE),
        ("iso-8859-1", "iso-8859-1", "gb18030", CHINESE),
        ("iso-8859-1", "windows-1251", "cp1251", RUSSIAN),
        ("gbk", "gbk", "big5", TRADITIONAL),
        ("big5", "big5", "gb18030", CHINESE),
        ("utf-8", "utf-8", "cp1252", GERMAN),
        ("gbk", "iso-8859-1", "utf-8", CHINESE),
        ("utf-16", "utf-16", "utf-8", CHINESE),
        ("none", "x-user-defined", "utf-8", CHINESE),
        ("base64", "rot13", "gb18030", CHINESE),
    ],
)
def test_wrong_label_does_not_spoil_the_text(
    header: str, meta: str, charset: str, text: str
) -> None:
    body = page(text, meta=f"<meta charset={meta}>").encode(charset)
    assert text in decode_body(body, content_type=f"text/html; charset={header}")


@pytest.mark.parametrize("padding", [2_000, 20_000])
def test_meta_far_from_the_beginning_is_found(padding: int) -> None:
    meta = f"<script>{'x' * padding}</script><meta charset=gbk>"
    body = page("港口", meta=meta).encode("gbk")
    assert "<p>港口</p>" in decode_body(body, content_type="text/html")


@pytest.mark.parametrize("header", ["text/html", "text/html; charset=utf-8"])
def test_one_broken_character_costs_one_character(header: str) -> None:
    body = page(CHINESE).encode().replace("建".encode(), b"\xe5\xbb")
    assert "港口\ufffd于一九〇四年" in decode_body(body, content_type=header)


def test_character_cut_off_at_the_end_is_dropped() -> None:
    assert decode_body("港口".encode()[:-1], content_type="text/plain") == "港"


def test_label_in_thousands_of_open_tags_is_not_searched_for_ever() -> None:
    body = b"<meta " * 200_000 + "é".encode("cp1252")
    assert decode_body(body, content_type="text/html").endswith("é")
