locum_backend(json URL json:///scratch/notes STABILITY preview SOURCES json/backend.cpp json/entry.cpp json/entry_defaults.cpp json/file.cpp json/shown_entry.cpp json/text.cpp json/tree.cpp)
