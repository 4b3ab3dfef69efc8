"""The characters that people write with, by encoding: what ``encodings`` judges a guess by.

Only common characters are listed. A text decoded with the right encoding consists mostly of
them; one decoded with a wrong encoding hits them by chance. Alphabets are those of the
languages' orthographies (Unicode CLDR exemplar characters); the lists of Chinese characters and
Korean syllables are the most frequent ones of running text.
"""

from __future__ import annotations

from dataclasses import dataclass

PUNCTUATION = frozenset("“”‘’„«»‹›–—…·•§©®°€£™№¿¡´\u00a0\u00ad")

_WESTERN = (
    "àâäçéèêëîïôöùûüÿœ",  # French
    "äöüßéà",  # German
    "áéíóúüñçªº",  # Spanish
    "áâãàçéêíóôõúüªº",  # Portuguese
    "àèéìíîòóùú",  # Italian
    "åäöéøæàü",  # Scandinavian, Finnish
    "áéíóúýþæöð",  # Icelandic
    "àçéèíïóòúü·",  # Catalan
    "áéíóúëïöüèê",  # Dutch, Irish
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Croatian, Serbian, Slovene
)
_TURKISH = ("çğıöşüâîûİ",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž")
_VIETNAMESE = ("ăâđêôơưàáèéìíòóùú\u0300\u0301\u0303\u0309\u0323",)
_CYRILLIC = (
    "оеаинтсрвлкмдпуяыьгзбч",  # Russian
    "оаинтевсрікулдмпзяьгбї",  # Ukrainian
    "аеиотнсрвдлкпмузјгбшћ",  # Serbian, Macedonian, Bulgarian
)
_GREEK = ("αοιετσνηυρπκμλςωάέήίόύώδθγφχ",)
_HEBREW = ("אבגדהוזחטיכלמנסעפצקרשתםןףץך",)
_ARABIC = ("اليمنوهرتبدعسكفقحجةأ،؟",)
_THAI = ("กขคงจชดตถทนบปผพมยรลวสหอะัาิีึืุูเแโใไ่้็์ำฟซณธญศษ",)
_CJK_PUNCTUATION = "\u3000、。，！？；：（）「」『』《》〈〉・ー"
_CHINESE_BOTH = (
    "的一是不在人有我他大上和地到以就出也你生子得自之年后里成行方所多用作天家如下去小"
    "日本中心前事些此又与同法然全名力高手工最政公司世界城市文化最新加山水主要口外部分"
    "分定性能力立表正在第三二月四五六七八九十百千元第由其可好想知道明示意思信息理"
)
_SIMPLIFIED = _CHINESE_BOTH + (
    "了这个们来为国说时会对于着过发动经么当没还进种学样开现长头无两问战间题将业产应"
    "实军体电机关点门书话车见给几让办认气东听万数亲边员处义记价报总统级资区权则务济"
)
_TRADITIONAL = _CHINESE_BOTH + (
    "了這個們來為國說時會對於著過發動經麼當沒還進種學樣開現長頭無兩問戰間題將業產應"
    "實軍體電機關點門書話車見給幾讓辦認氣東聽萬數親邊員處義記價報總統級資區權則務濟"
)
_JAPANESE = (
    "".join(map(chr, range(0x3041, 0x3094)))
    + "".join(map(chr, range(0x30A1, 0x30F7)))
    + "日本人年大国中一十二三月時間出前行見者会社事自分今東京生同新学場合的話入上下方"
)
_KOREAN = (
    "이다는의에을를가고하지로은한도서기사어들리나인아그자대있해시일수정전으라과부보적"
    "와제게만했었였것면까거원장구국동주상성위비세관공당스여식신무문조유오안회경연선치"
    "금소음우운명미년월개화방트르라드프러내발간모재업물집말없않때된될할중요니습민며부"
)


@dataclass(frozen=True, slots=True)
class Repertoire:
    """An encoding and the sets of common non-ASCII characters, one per group of languages.

    ``positions`` is the number of non-ASCII characters the encoding has: the more of them are
    common ones, the more of a wrongly decoded text is, by chance.
    """

    codec: str
    characters: tuple[frozenset[str], ...]
    positions: int = 128
    latin: bool = False


def _alphabetic(codec: str, alphabets: tuple[str, ...], *, latin: bool) -> Repertoire:
    """Accept both cases, but apart for scripts whose cases are what tells encodings apart."""
    if latin:
        sets = [frozenset(alphabet + alphabet.upper()) for alphabet in alphabets]
    else:
        sets = [frozenset(case) for a in alphabets for case in {a, a.upper()}]
    return Repertoire(codec, tuple(s | PUNCTUATION for s in sets), latin=latin)


def _ideographic(codec: str, characters: str) -> Repertoire:
    common = frozenset(characters + _CJK_PUNCTUATION) | PUNCTUATION
    return Repertoire(codec, (common,), positions=7000)


REPERTOIRES = (
    _alphabetic("cp1252", _WESTERN, latin=True),
    _alphabetic("iso8859_15", _WESTERN, latin=True),
    _alphabetic("cp1250", _CENTRAL, latin=True),
    _alphabetic("iso8859_2", _CENTRAL, latin=True),
    _alphabetic("cp1254", _TURKISH, latin=True),
    _alphabetic("cp1257", _BALTIC, latin=True),
    _alphabetic("cp1258", _VIETNAMESE, latin=True),
    _alphabetic("cp1251", _CYRILLIC, latin=False),
    _alphabetic("koi8_r", _CYRILLIC[:1], latin=False),
    _alphabetic("koi8_u", _CYRILLIC[1:2], latin=False),
    _alphabetic("cp866", _CYRILLIC[:1], latin=False),
    _alphabetic("iso8859_5", _CYRILLIC, latin=False),
    _alphabetic("cp1253", _GREEK, latin=False),
    _alphabetic("iso8859_7", _GREEK, latin=False),
    _alphabetic("cp1255", _HEBREW, latin=False),
    _alphabetic("cp1256", _ARABIC, latin=False),
    _alphabetic("cp874", _THAI, latin=False),
    _ideographic("gb18030", _SIMPLIFIED),
    _ideographic("big5hkscs", _TRADITIONAL),
    _ideographic("cp932", _JAPANESE),
    _ideographic("euc_jp", _JAPANESE),
    _ideographic("cp949", _KOREAN),
    _alphabetic("mac_roman", _WESTERN, latin=True),
    _alphabetic("cp850", _WESTERN, latin=True),
)
"""Candidates in order of preference: of equal fits the first is taken."""

ORDINARY = PUNCTUATION.union(
    *(characters for repertoire in REPERTOIRES for characters in repertoire.characters),
    map(chr, range(0x20, 0x7F)),
    "\t\n\r",
)
"""What text in UTF-16 consists of, in any language above."""
