locum_backend(json URL json:///scratch/notes STABILITY preview SOURCES json/backend.cpp json/entry.cpp json/file.cpp json/text.cpp json/tree.cpp)
