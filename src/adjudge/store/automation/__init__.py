"""What earned automation stands on: audits, epochs, certificates, and what is learnt of votes."""
