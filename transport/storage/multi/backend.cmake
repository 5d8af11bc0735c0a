locum_backend(multi URL "multi:?1.to=URL&1.most_bytes=65536&2.to=URL" STABILITY stable SOURCES multi/backend.cpp)
