"""Hiding personal data before anything is written: rules for fields of documents and for columns of tables."""

from extend_source.privacy.cleaning import PrivacyRules, privacy_rules, warn_of_left_out_text

__all__ = ["PrivacyRules", "privacy_rules", "warn_of_left_out_text"]
