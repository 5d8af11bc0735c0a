#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "core/value/options.hpp"
#include "transport/storage/memory/simple.hpp"

namespace locum::tests {

/// One thing that a program may need of a backend.
struct Need {
  std::string name;  ///< of the field
  BackendNeeds needs;
  std::string refusal;  ///< part of what is said where it is lacking
};

inline std::vector<Need> all_needs() {
  return {{"lists", {.lists = true}, "cannot list the names"},
          {"is_atomic", {.is_atomic = true}, "does not decide between two puts"},
          {"expires", {.expires = true}, "does not remove what has expired"},
          {"pushes", {.pushes = true}, "does not wake who waits"},
          {"in_place", {.in_place = true}, "does not show the stored bytes"},
          {"is_durable", {.is_durable = true}, "forgets everything"},
          {"no_default", {.no_default = true}, "shows a default in place of"},
          {"shared_by", {.shared_by = SharedBy::host}, "is not shared between processes"},
          {"largest_value", {.largest_value = 1'000'000}, "does not hold values of that size"}};
}

/// Traits that meet all of these but the one of that name.
inline BackendTraits traits_without(std::string_view name) {
  return {.scheme = "lacking",
          .largest_record = name == "largest_value" ? 1'000'000U : 2'000'000U,
          .lists = name != "lists",
          .is_atomic = name != "is_atomic",
          .expires = name != "expires",
          .pushes = name != "pushes",
          .in_place = name != "in_place",
          .is_durable = name != "is_durable",
          .shared_by = name == "shared_by" ? SharedBy::process : SharedBy::host,
          .default_name = name == "no_default" ? "usual" : ""};
}

/// A backend in memory that says so of itself. The calls of all of them are counted.
class LackingBackend final : public Backend {
 public:
  explicit LackingBackend(const BackendTraits& traits) : traits_(traits) {}

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    ++calls;
    return in_->load(key, last_bytes, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    ++calls;
    return in_->store(key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    ++calls;
    return in_->remove(key, revision, deadline);
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    ++calls;
    return in_->list(space, prefix, deadline);
  }

  inline static std::atomic<int> calls{0};

 private:
  const BackendTraits traits_;
  const std::shared_ptr<Backend> in_ = storage::open_simple(parse_url("simple:").value()).value();
};

}  // namespace locum::tests
