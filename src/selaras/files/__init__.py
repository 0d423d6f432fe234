"""Exchange formats: bank statements, settlement reports, the files of `selaras match`. Files in, plain values out."""
