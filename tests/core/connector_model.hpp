#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests {

class ConnectorModel {
 public:
  struct Object {
    std::optional<std::string> name;
    std::vector<std::byte> bytes;
    std::uint64_t generation = 0;
    bool live = true;
  };

  ConnectorModel(Connector& connector, std::uint32_t store) : connector_(connector), store_(store) {}

  void put_unnamed(std::uint64_t seed, std::size_t size_bytes) {
    const auto sealed = put(connector_, store_, {}, pattern(seed, size_bytes));
    RC_ASSERT(sealed.has_value());
    RC_ASSERT(sealed->generation == 0U);
    add(sealed->key, {std::nullopt, pattern(seed, size_bytes), 0, true});
  }

  void put_named(const std::string& name, std::uint64_t seed, std::size_t size_bytes) {
    const auto sealed = put(connector_, store_, name, pattern(seed, size_bytes));
    if (names_.contains(name)) {
      RC_ASSERT(code_of(sealed) == Errc::key_exists);
    } else {
      RC_ASSERT(sealed.has_value());
      bind(name, *sealed, pattern(seed, size_bytes));
    }
  }

  void replace(const std::string& name, std::uint64_t seed, std::size_t size_bytes, int expectation) {
    const auto live = names_.find(name);
    const std::uint64_t right = live == names_.end() ? 77 : objects_.at(live->second).generation;
    const std::uint64_t expected = expectation == 0 ? 0 : expectation == 1 ? right : right + 1;
    const auto sealed =
        put(connector_, store_, name, pattern(seed, size_bytes), {SealMode::replace, expected});
    if (expectation != 0 && live == names_.end()) {
      RC_ASSERT(code_of(sealed) == Errc::not_found);
    } else if (expectation == 2) {
      RC_ASSERT(code_of(sealed) == Errc::stale);
    } else {
      RC_ASSERT(sealed.has_value());
      if (live != names_.end()) {
        objects_.at(live->second).live = false;
      }
      bind(name, *sealed, pattern(seed, size_bytes));
    }
  }

  void look_at_name(const std::string& name) {
    const auto view = connector_.get({store_, name}, {});
    const auto live = names_.find(name);
    RC_ASSERT(connector_.exists({store_, name}, {}).value() == (live != names_.end()));
    if (live == names_.end()) {
      RC_ASSERT(code_of(view) == Errc::not_found);
    } else {
      RC_ASSERT(view.has_value());
      RC_ASSERT(view->key() == live->second);
      RC_ASSERT(holds(*view, objects_.at(live->second).bytes));
      RC_ASSERT(view->facts().generation == objects_.at(live->second).generation);
    }
  }

  void look_at_key(std::size_t index) {
    if (const Key* key = pick(index)) {
      const Object& object = objects_.at(*key);
      const Address address(*key, object.name ? name_hash(store_, *object.name) : 0);
      const auto view = connector_.get(address, {});
      RC_ASSERT(connector_.exists(address, {}).value() == object.live);
      if (object.live) {
        RC_ASSERT(view.has_value());
        RC_ASSERT(holds(*view, object.bytes));
        held_.emplace_back(*view, object.bytes);
      } else {
        const bool replaced = object.name && names_.contains(*object.name);
        RC_ASSERT(code_of(view) == (replaced ? Errc::stale : Errc::not_found));
      }
    }
  }

  void evict_name(const std::string& name) {
    const auto live = names_.find(name);
    RC_ASSERT(connector_.evict({store_, name}, {}).value() == (live != names_.end()));
    if (live != names_.end()) {
      objects_.at(live->second).live = false;
      names_.erase(live);
    }
  }

  void evict_key(std::size_t index) {
    if (const Key* key = pick(index)) {
      Object& object = objects_.at(*key);
      RC_ASSERT(connector_.evict(*key, {}).value() == object.live);
      if (object.live && object.name) {
        names_.erase(*object.name);
      }
      object.live = false;
    }
  }

  void list(const std::string& prefix) {
    std::vector<std::string> expected;
    for (const auto& [name, key] : names_) {
      if (name.starts_with(prefix)) {
        expected.push_back(name);
      }
    }
    RC_ASSERT(connector_.list(store_, prefix, {}).value() == expected);
  }

  void drop() {
    std::uint64_t live = 0;
    for (auto& [key, object] : objects_) {
      live += object.live ? 1 : 0;
      object.live = false;
    }
    names_.clear();
    RC_ASSERT(connector_.drop(store_).value() == live);
  }

  void check_held_views() const {
    for (const auto& [view, bytes] : held_) {
      RC_ASSERT(holds(view, bytes));
    }
  }

 private:
  void add(const Key& key, Object object) {
    RC_ASSERT(objects_.emplace(key, std::move(object)).second);
    order_.push_back(key);
  }

  void bind(const std::string& name, const Sealed& sealed, std::vector<std::byte> bytes) {
    RC_ASSERT(sealed.generation > last_generation_[name]);
    last_generation_[name] = sealed.generation;
    add(sealed.key, {name, std::move(bytes), sealed.generation, true});
    names_[name] = sealed.key;
  }

  [[nodiscard]] const Key* pick(std::size_t index) const {
    return order_.empty() ? nullptr : &order_[index % order_.size()];
  }

  Connector& connector_;
  std::uint32_t store_;
  std::map<Key, Object> objects_;
  std::map<std::string, Key> names_;
  std::map<std::string, std::uint64_t> last_generation_;
  std::vector<Key> order_;
  std::vector<std::pair<ObjectView, std::vector<std::byte>>> held_;
};

}  // namespace locum::tests
