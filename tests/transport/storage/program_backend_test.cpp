// The contract of a Backend, for one whose functions are those of a program in C: get, put, remove and keys.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/c/locum.h"
#include "core/testing/backend_contract.hpp"
#include "core/testing/shared_backend_contract.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {

namespace {

/// Bytes under keys.
struct Drawer {
  std::mutex mutex;
  std::map<std::string, std::string> records;
};

std::map<std::string, Drawer>& drawers() {
  static std::map<std::string, Drawer> all;
  return all;
}

Drawer& drawer(void* opened) {
  return *static_cast<Drawer*>(opened);
}

locum_status open_drawer(const char* url, void* context, void** opened) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  *opened = &(*static_cast<std::map<std::string, Drawer>*>(context))[url];
  return LOCUM_OK;
}

locum_status get(void* opened, const char* key, locum_answer answer, double /*left_s*/) {
  const std::scoped_lock lock(drawer(opened).mutex);
  const auto found = drawer(opened).records.find(key);
  if (found == drawer(opened).records.end()) {
    return LOCUM_NOT_FOUND;
  }
  void* memory = nullptr;
  const locum_status made = locum_answer_memory(answer, found->second.size(), &memory);
  if (made == LOCUM_OK) {
    std::memcpy(memory, found->second.data(), found->second.size());
  }
  return made;
}

locum_status put(void* opened, const char* key, const locum_text* parts, std::size_t count,
                 double /*left_s*/) {
  std::string record;
  for (std::size_t at = 0; at < count; ++at) {
    record.append(parts[at].first, parts[at].length);
  }
  const std::scoped_lock lock(drawer(opened).mutex);
  drawer(opened).records.insert_or_assign(key, std::move(record));
  return LOCUM_OK;
}

locum_status take_out(void* opened, const char* key, bool* existed, double /*left_s*/) {
  const std::scoped_lock lock(drawer(opened).mutex);
  *existed = drawer(opened).records.erase(key) > 0;
  return LOCUM_OK;
}

locum_status keys(void* opened, const char* prefix, locum_answer answer, double /*left_s*/) {
  const std::scoped_lock lock(drawer(opened).mutex);
  for (const auto& [key, record] : drawer(opened).records) {
    if (key.starts_with(prefix)) {
      EXPECT_EQ(locum_answer_key(answer, key.c_str()), LOCUM_OK);
    }
  }
  return LOCUM_OK;
}

void register_drawers() {
  locum_backend backend{};
  backend.scheme = "drawer";
  backend.is_durable = true;
  backend.open = &open_drawer;
  backend.get = &get;
  backend.put = &put;
  backend.remove = &take_out;
  backend.keys = &keys;
  backend.context = &drawers();
  ASSERT_EQ(locum_register_backend(&backend), LOCUM_OK) << locum_error_message();
  backend.scheme = "drawer-without-keys";
  backend.keys = nullptr;
  backend.is_durable = false;
  ASSERT_EQ(locum_register_backend(&backend), LOCUM_OK) << locum_error_message();
  backend.scheme = "drawer-of-small-ones";
  backend.largest_record = 1 << 20;
  backend.longest_name = 64;
  ASSERT_EQ(locum_register_backend(&backend), LOCUM_OK) << locum_error_message();
}

std::shared_ptr<Backend> open_new(const std::string& scheme) {
  [[maybe_unused]] static const bool is_registered = (register_drawers(), true);
  static std::atomic<int> number{0};
  return open_backend(scheme + ':' + std::to_string(number++)).value();
}

BackendFactory lasting() {
  static std::string last;
  return {"drawer",
          [] {
            auto made = open_new("drawer");
            last = "drawer:" + std::to_string(drawers().size() - 1);
            return made;
          },
          [] { return open_backend(last).value(); }};
}

BackendFactory without_keys() {
  return {"drawer_without_keys", [] { return open_new("drawer-without-keys"); }};
}

BackendFactory of_small_ones() {
  return {"drawer_of_small_ones", [] { return open_new("drawer-of-small-ones"); }};
}

INSTANTIATE_TEST_SUITE_P(ProgramBackend, BackendContract,
                         ::testing::Values(lasting(), without_keys(), of_small_ones()), backend_name);
INSTANTIATE_TEST_SUITE_P(ProgramBackend, SharedBackendContract,
                         ::testing::Values(in_threads(lasting()), in_threads(without_keys())),
                         shared_backend_name);

}  // namespace

}  // namespace locum::tests
