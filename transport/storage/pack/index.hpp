#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/hash.hpp"
#include "transport/storage/pack/format.hpp"
#include "transport/storage/pack/pack.hpp"

namespace locum::storage {

/// Where the records of a pack are: in memory, and made by reading the file. One thread at a time.
class PackIndex {
 public:
  struct Entry {
    std::uint64_t position = 0;  ///< of the record
    std::uint64_t body_at = 0;
    std::uint64_t body_bytes = 0;
    std::uint64_t revision = 0;
    std::uint32_t body_checksum = 0;
    bool is_checked = false;  ///< the checksum was right

    [[nodiscard]] std::uint64_t stored_bytes() const noexcept {
      return body_at + pack_rounded(body_bytes) - position;
    }
  };
  struct TextHash {
    using is_transparent = void;
    // Not noexcept: the maps of the standard library then keep hashes, and compute none again.
    std::size_t operator()(std::string_view text) const { return hash64(text); }
  };
  using Names = std::unordered_map<std::string, Entry, TextHash, std::equal_to<>>;

  [[nodiscard]] Entry* find(std::string_view space, std::string_view name) {
    return find(names_in(space), name);
  }
  /// \param names null: of a space that is not there
  [[nodiscard]] static Entry* find(Names* names, std::string_view name) {
    const auto found = names == nullptr ? Names::iterator() : names->find(name);
    return names == nullptr || found == names->end() ? nullptr : &found->second;
  }
  [[nodiscard]] Names* names_in(std::string_view space) {
    const auto found = spaces_.find(space);
    return found == spaces_.end() ? nullptr : &found->second;
  }
  void put(std::string_view space, std::string_view name, const Entry& entry) {
    Names& names = space_made(space);
    if (Entry* const there = find(&names, name)) {
      replace(*there, entry);
    } else {
      add(names, name, entry);
    }
  }
  /// The names in a space, which is made if it is not there; until the space is dropped.
  [[nodiscard]] Names& space_made(std::string_view space) {
    auto found = spaces_.find(space);
    if (found == spaces_.end()) {
      found = spaces_.emplace(space, Names()).first;
    }
    return found->second;
  }
  /// REQUIRES: there is none of that name.
  void add(Names& names, std::string_view name, const Entry& entry) {
    names.emplace(name, entry);
    live_bytes_ += entry.stored_bytes();
  }
  void replace(Entry& there, const Entry& entry) noexcept {
    live_bytes_ += entry.stored_bytes();
    live_bytes_ -= there.stored_bytes();
    there = entry;
  }
  /// Whether it was there.
  bool erase(std::string_view space, std::string_view name) {
    Names* const names = names_in(space);
    const auto found = names == nullptr ? Names::iterator() : names->find(name);
    if (names == nullptr || found == names->end()) {
      return false;
    }
    live_bytes_ -= found->second.stored_bytes();
    names->erase(found);
    return true;
  }
  void drop(std::string_view space) {
    const auto found = spaces_.find(space);
    if (found != spaces_.end()) {
      for (const auto& [name, entry] : found->second) {
        live_bytes_ -= entry.stored_bytes();
      }
      spaces_.erase(found);
    }
  }
  [[nodiscard]] bool is_empty() const noexcept { return live_bytes_ == 0; }
  /// Space and name of one of the records, if there is any.
  [[nodiscard]] std::optional<Pack::Name> any() const {
    for (const auto& [space, names] : spaces_) {
      if (!names.empty()) {
        return Pack::Name{space, names.begin()->first};
      }
    }
    return std::nullopt;
  }
  /// What a record of the file says.
  void apply(const PackRecord& record, std::string_view space, std::string_view name) {
    switch (record.kind) {
      case PackKind::stored:
        put(space, name, entry_of(record));
        break;
      case PackKind::removed:
        erase(space, name);
        break;
      case PackKind::dropped:
        drop(space);
        break;
    }
  }
  [[nodiscard]] static Entry entry_of(const PackRecord& record) noexcept {
    return {.position = record.position,
            .body_at = record.body_at(),
            .body_bytes = record.body_bytes,
            .revision = record.revision,
            .body_checksum = record.body_checksum};
  }
  /// Calls with space, name and entry of each.
  template <class Call>
  void for_each(const Call& call) const {
    for (const auto& [space, names] : spaces_) {
      for (const auto& [name, entry] : names) {
        call(space, name, entry);
      }
    }
  }
  /// Of the file, that are not replaced or removed.
  [[nodiscard]] std::uint64_t live_bytes() const noexcept { return live_bytes_; }

 private:
  std::unordered_map<std::string, Names, TextHash, std::equal_to<>> spaces_;
  std::uint64_t live_bytes_ = 0;
};

}  // namespace locum::storage
