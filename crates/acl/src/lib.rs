//! Users, rules, selectors and the ACL log.
