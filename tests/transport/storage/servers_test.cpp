#include "tests/transport/storage/test_server.hpp"
