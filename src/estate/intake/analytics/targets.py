"""The fields that a column can be brought to, by kind of record: what they are called, and how their cells are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from estate.intake.analytics.cells import normal, words_of

__all__ = ["KINDS", "TARGETS", "UNITS", "VETO", "Kind", "Target", "header_words", "unit_of"]

Kind = Literal["clients", "units", "agents", "market"]
KINDS: tuple[Kind, ...] = get_args(Kind)

How = Literal[
    "text", "words", "money", "number", "whole", "share", "score", "flag", "day", "period", "phone", "email",
    "currency", "code", "size", "seconds", "status", "segment", "place", "person", "plan",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """One field.

    Parameters
    ----------
    name : str
        What it is called in a mapping.
    how : str
        How its cells are read.
    aliases : tuple of str
        Headers that mean it, in normal form.
    """

    name: str
    how: How
    aliases: tuple[str, ...]


def _targets(*rows: tuple[str, How, str]) -> dict[str, Target]:
    return {
        name: Target(name, how, tuple(dict.fromkeys([normal(name), *map(normal, aliases.split(";"))])))
        for name, how, aliases in rows
    }


TARGETS: Mapping[Kind, Mapping[str, Target]] = {
    "clients": _targets(
        ("client_id", "code", "client id; id; customer id; lead id; contact id; record id; client no;"
         "client code; crm id;"
         "رقم العميل; كود العميل; المعرف"),
        ("name", "text", "full name; client name; customer name; client; customer; lead name; lead;"
         "contact name; buyer;"
         "buyer name; person; الاسم; اسم العميل; الاسم الكامل; العميل; اسم المشتري"),
        ("first_name", "text", "first name; given name; forename; الاسم الاول"),
        ("last_name", "text", "last name; surname; family name; اسم العائلة; الاسم الاخير; اللقب"),
        ("phone", "phone", "phone number; mobile; mobile number; mobile no; telephone; tel; cell; cell phone;"
         "phone no;"
         "contact number; contact no; whatsapp; whatsapp number; gsm; mob;"
         "رقم الهاتف; الهاتف; هاتف; الجوال; رقم الجوال; الموبايل; رقم الموبايل; موبايل; تليفون; واتساب; المحمول"),
        ("email", "email", "e mail; email address; e mail address; mail; البريد الالكتروني; البريد; الايميل; ايميل"),
        ("budget", "money", "client budget; max budget; maximum budget; budget max; budget up to; purchase budget;"
         "الميزانية; ميزانية العميل; ميزانية"),
        ("currency", "currency", "budget currency; ccy; العملة"),
        ("owner_agent_id", "person", "owner; agent; agent name; assigned to; assigned agent; sales agent; salesperson;"
         "account owner; lead owner; contact owner; owner agent; broker; الوكيل; المندوب; المسؤول; موظف المبيعات"),
        ("contact_consent", "flag", "consent; consent to contact; marketing consent; opt in; opted in; subscribed;"
         "may contact; موافقة; الموافقة على التواصل; موافق على التواصل"),
        ("do_not_contact", "flag", "do not call; dnc; do not contact; opt out; opted out; unsubscribed; no contact;"
         "عدم الاتصال; لا تتصل; عدم التواصل; ممنوع الاتصال"),
        ("location_targets", "words", "location; locations; preferred location; preferred locations; preferred area;"
         "preferred areas; area; areas; desired area; area of interest; interested areas; target areas;"
         "المنطقة; المناطق; الموقع; الموقع المفضل; المنطقة المفضلة"),
        ("purpose", "text", "purchase purpose; buying purpose; intent; الغرض; الغرض من الشراء"),
        ("unit_types", "words", "property type; unit type; type of property; property types; interested in; interest;"
         "نوع العقار; نوع الوحدة; مهتم ب"),
        ("bedrooms", "whole", "beds; bedroom; no of bedrooms; number of bedrooms; br; غرف النوم; عدد الغرف;"
         "عدد غرف النوم"),
        ("objections", "words", "objection; concerns; الاعتراضات; الاعتراض"),
        ("decision_speed", "text", "decision timeline; سرعة القرار"),
        ("emotional_type", "text", "temper; personality; الشخصية"),
    ),
    "units": _targets(
        ("unit_id", "code", "unit no; unit number; unit; unit code; property id; id; ref; reference; reference no;"
         "reference number; listing id; listing ref; ref no; property code; unit ref; رقم الوحدة; كود الوحدة;"
         "الرقم المرجعي"),
        ("project_id", "code", "project code; project no; كود المشروع"),
        ("title", "text", "listing title; property title; headline; العنوان; عنوان الاعلان"),
        ("price", "money", "asking price; sale price; selling price; list price; listing price; total price;"
         "unit price;"
         "price total; amount; السعر; سعر البيع; سعر الوحدة; الثمن"),
        ("currency", "currency", "price currency; ccy; العملة"),
        ("area", "place", "location; district; community; neighbourhood; neighborhood; city; area name; zone; region;"
         "المنطقة; الموقع; الحي; المدينة"),
        ("project_name", "text", "project; development; compound; building; building name; tower; compound name;"
         "المشروع; اسم المشروع; الكمبوند; البرج; المبنى"),
        ("developer", "text", "developer name; المطور; اسم المطور; الشركة المطورة"),
        ("unit_type", "text", "property type; type; type of unit; category; property category; نوع العقار;"
         "نوع الوحدة; النوع"),
        ("segment", "segment", "completion; completion status; off plan; ready or off plan; حالة الانشاء"),
        ("bedrooms", "whole", "beds; bedroom; no of bedrooms; number of bedrooms; br; rooms; غرف النوم; عدد الغرف;"
         "عدد غرف النوم; غرف"),
        ("bathrooms", "whole", "baths; bathroom; no of bathrooms; number of bathrooms; الحمامات; عدد الحمامات;"
         "حمامات"),
        ("area_sqm", "size", "size; area; unit size; built up area; bua; area size; size sqft; area sqft; size sqm;"
         "internal area; gross area; net area; sqft; sqm; المساحة; مساحة الوحدة; المساحه"),
        ("status", "status", "availability; unit status; listing status; الحالة; حالة الوحدة"),
        ("delivery_date", "period", "delivery; handover; handover date; delivery year; completion date;"
         "possession date;"
         "تاريخ التسليم; التسليم; موعد التسليم; سنة التسليم"),
        ("listed_at", "day", "listed; listed on; listing date; date listed; published; published on;"
         "تاريخ العرض; تاريخ النشر"),
        ("sold_at", "day", "sold; sold on; sale date; date sold; transaction date; تاريخ البيع"),
        ("payment_plan", "plan", "payment option; payment terms; payment; payment method; خطة الدفع;"
         "طريقة الدفع; نظام السداد"),
        ("amenities", "words", "amenity; features; facilities; المرافق; المزايا"),
    ),
    "agents": _targets(
        ("agent_id", "code", "agent no; agent code; id; employee id; employee no; staff id; broker id; brn;"
         "رقم الوكيل; كود الوكيل"),
        ("name", "text", "agent name; full name; agent; broker; broker name; salesperson; sales agent; employee name;"
         "الاسم; اسم الوكيل; الوكيل; اسم المندوب"),
        ("first_name", "text", "first name; given name; الاسم الاول"),
        ("last_name", "text", "last name; surname; family name; اسم العائلة; الاسم الاخير"),
        ("team_name", "text", "team; sales team; department; branch; الفريق; اسم الفريق; القسم"),
        ("calls_per_day", "whole", "daily calls; calls a day; calls; المكالمات اليومية"),
        ("lead_responses", "whole", "leads answered; responses; leads responded; الردود"),
        ("deals_closed", "whole", "closed deals; deals won; deals; sales; number of deals; الصفقات;"
         "الصفقات المغلقة; عدد الصفقات"),
        ("closing_rate", "share", "close rate; win rate; conversion rate; conversion; نسبة الاغلاق; معدل الاغلاق"),
        ("avg_response_time", "seconds", "response time; average response time; avg response; متوسط وقت الرد;"
         "وقت الرد"),
        ("avg_closing_price", "money", "average deal value; average closing price; avg deal size; average deal size;"
         "متوسط قيمة الصفقة"),
        ("currency", "currency", "ccy; العملة"),
    ),
    "market": _targets(
        ("area", "place", "area name; district; community; location; neighbourhood; neighborhood; city; zone; metro;"
         "region; cbsa title; المنطقة; الموقع; المدينة; الحي"),
        ("observed_on", "period", "date; as of; day; observed; period; quarter; month; month end; week ending;"
         "month date; snapshot date; التاريخ; تاريخ الرصد; الشهر"),
        ("price_avg", "money", "average price; avg price; mean price; price average; average sale price; price;"
         "متوسط السعر; السعر المتوسط"),
        ("currency", "currency", "price currency; ccy; العملة"),
        ("segment", "segment", "market segment; registration type; ready or off plan; الشريحة"),
        ("demand_score", "number", "demand; demand index; مؤشر الطلب; الطلب"),
        ("supply_score", "number", "supply; supply index; مؤشر العرض; العرض"),
        ("sales_volume", "whole", "sales; transactions; number of sales; volume; number of transactions; deals;"
         "عدد المبيعات; المبيعات; عدد الصفقات"),
        ("days_on_market", "number", "dom; median days on market; days to sell; average days on market;"
         "ايام في السوق"),
        ("inventory", "whole", "active listings; listings; for sale; active listing count; المعروض"),
        ("views_per_listing", "number", "views; page views per listing; المشاهدات"),
        ("agent_density", "number", "agents per 100 sales; كثافة الوكلاء"),
    ),
}  # fmt: skip
"""Field by field. A file is for people who know the trade in English or Arabic; what is called otherwise is chosen."""

VETO = frozenset(
    normal(word)
    for word in words_of(
        "agent broker owner seller landlord developer وسيط وكيل بائع min minimum max maximum from to low high "
        "lower upper old previous prev former original last next second secondary alt alternative alternate "
        "other another spouse wife husband partner emergency assistant parent company office work home fax "
        "extension per rent rental rented monthly annual yearly service charge charges fee fees deposit "
        "commission tax vat discount down paid remaining change growth ratio rate percentage percent pct mm yy "
        "yoy mom count flag quality rank index score source created updated modified note notes comment remarks "
        "ادنى اقصى حد من الى سابق قديم اخر بديل زوج زوجة ايجار رسوم عمولة ضريبة خصم مقدم متبقي نسبة ملاحظات"
    )
)
"""Words that make another thing of a header: a `min price` is no price, the phone of a `spouse` no client's."""

UNITS: Mapping[str, Mapping[str, float]] = {
    "size": {
        **dict.fromkeys(("sqm", "sq m", "m2", "sq meter", "sq metre", "square meters", "square metres", "sq mt", "sqmt",
                         "م2", "متر", "متر مربع", "متر مربعا", "م", "m"), 1.0),
        **dict.fromkeys(("sqft", "sq ft", "ft2", "sf", "square feet", "sq feet", "قدم", "قدم مربع", "ft"), 0.09290304),
    },
    "seconds": {
        **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "ثانية", "ثواني"), 1.0),
        **dict.fromkeys(("min", "mins", "minute", "minutes", "دقيقة", "دقائق"), 60.0),
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "ساعة", "ساعات"), 3_600.0),
    },
}  # fmt: skip
"""How much of our unit one of theirs is: square metres, seconds."""


def unit_of(words: str, how: str) -> float | None:
    """Return how much of our unit the unit in some words is; None where they name none."""
    said = f" {normal(words)} "
    found = [(len(unit), size) for unit, size in UNITS[how].items() if f" {normal(unit)} " in said]
    return max(found)[1] if found else None


def header_words(kind: Kind) -> frozenset[str]:
    """Return every header that is known for a kind of record."""
    return frozenset(alias for target in TARGETS[kind].values() for alias in target.aliases)
