"""Hiding personal data before anything is written: rules for fields of documents and for columns of tables."""

from extend_source.privacy.cleaning import PrivacyRules, privacy_rules, warn_of_left_out_text
from extend_source.privacy.usage import RuleUsage, Unmatched, report_unmatched

__all__ = ["PrivacyRules", "RuleUsage", "Unmatched", "privacy_rules", "report_unmatched", "warn_of_left_out_text"]
