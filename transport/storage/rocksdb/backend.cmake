locum_storage_part(ROCKSDB "rocksdb:" HEADER rocksdb/db.h LIBRARIES rocksdb PACKAGE librocksdb-dev)
locum_backend(rocksdb URL rocksdb:///scratch/db STABILITY stable TOGETHER NEEDS ROCKSDB
  SOURCES rocksdb/backend.cpp rocksdb/database.cpp rocksdb/log_check.cpp)
