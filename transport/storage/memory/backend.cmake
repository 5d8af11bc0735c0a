locum_backend(memory URL memory: STABILITY stable SOURCES memory/memory.cpp)
locum_backend(null URL null: STABILITY stable SOURCES memory/null.cpp)
locum_backend(simple URL simple: STABILITY stable SOURCES memory/simple.cpp)
