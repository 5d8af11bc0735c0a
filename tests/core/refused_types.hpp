// What refused_types.cpp includes: compiled once, for all its cases.
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/coded_store.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "transport/storage/open.hpp"
