locum_backend(pack OPENED_BY open_pack_backend URL pack:///scratch/run17.pack STABILITY stable TOGETHER
  SOURCES
    pack/backend.cpp
    pack/compaction.cpp
    pack/compactor.cpp
    pack/content.cpp
    pack/disk_wait.cpp
    pack/file.cpp
    pack/folder.cpp
    pack/folder_names.cpp
    pack/folder_root.cpp
    pack/format.cpp
    pack/loading.cpp
    pack/open_packs.cpp
    pack/reader.cpp
    pack/scanner.cpp
    pack/writer.cpp)
