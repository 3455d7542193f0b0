"""The lab: from a lab file to instruments, virtual or physical, leased by attempts and made safe in order."""
