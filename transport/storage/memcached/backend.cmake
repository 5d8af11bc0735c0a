locum_backend(memcached URL memcached://127.0.0.1:11211 STABILITY stable TOGETHER SOURCES memcached/backend.cpp memcached/connection.cpp)
locum_backend(memcacheds OPENED_BY open_memcached URL memcacheds://127.0.0.1:11211 STABILITY preview TOGETHER NEEDS TLS)
