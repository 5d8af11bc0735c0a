locum_backend(redis URL redis://127.0.0.1:6379/0 STABILITY stable TOGETHER
  SOURCES redis/backend.cpp redis/change.cpp redis/connection.cpp redis/sentinels.cpp)
locum_backend(rediss OPENED_BY open_redis URL rediss://127.0.0.1:6379/0 STABILITY preview TOGETHER NEEDS TLS)
locum_backend(valkey OPENED_BY open_redis URL valkey://127.0.0.1:6379/0 STABILITY preview TOGETHER)
locum_backend(valkeys OPENED_BY open_redis URL valkeys://127.0.0.1:6379/0 STABILITY preview TOGETHER NEEDS TLS)
