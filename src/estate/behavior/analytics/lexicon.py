"""Terms that are looked for in every conversation from the first day on, before anything was learned."""

from estate.behavior.analytics.terms import canonical

__all__ = ["TRIGGERS"]

_ENGLISH = """
payment plan · down payment · monthly instalment · post handover · handover date · rental yield · guaranteed profit
roi · capital gain · mortgage · escrow account · service charge · discount · site visit · show apartment · floor plan
sea view · parking space · community pool · last unit · limited offer · decide today · price increase · reservation form
booking fee · bank transfer · golden visa · too expensive · over budget · just looking · ask my family
ask my wife · ask my husband · need time · other agency · not interested
call me later · next week · good question · trusted name
"""
_ARABIC = """
خطة سداد · دفعة اولى · قسط شهري · عائد ايجاري · رسوم الخدمة · خصم · زيارة الموقع · شقة العرض · اطلالة بحرية
موعد التسليم · اخر وحدة · عرض محدود · استمارة حجز · تحويل بنكي · اقامة ذهبية · غالي جدا
افكر في الموضوع · اسال العائلة · غير مهتم
"""

TRIGGERS: frozenset[str] = frozenset(
    canonical(term) for line in (_ENGLISH + _ARABIC).split("\n") for term in line.split("·") if term.strip()
)
"""Canonical terms of English and Arabic sales talk: means, terms of the offer, urgency, objections."""
