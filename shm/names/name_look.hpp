#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/node_table.hpp"
#include "core/value/result.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Reads the records of a directory's shards, and trusts a record only together with the object that it
/// points to: see NameTable, invariants 3 and 4. Changes nothing but pins. Any thread may call.
class NameLook {
 public:
  /// Outcome of a look-up. `doubtful`: inconsistent, unless another process changed it meanwhile.
  enum class Seen : std::uint8_t { nothing, content, doubtful };

  /// The record found, with its object; or the inconsistent record, and the reason.
  struct Found {
    std::uint32_t record = 0;
    Pin pin;
    const char* wrong = nullptr;
  };

  NameLook(const Segment& segment, std::shared_ptr<ObjectTable> objects);

  /// The name that an object carries; none if its record points outside the mapping.
  [[nodiscard]] std::optional<std::string_view> name_in(const ObjectRecord& record) const noexcept;
  /// Searches for a name in its chain. Content: the object is pinned, and the caller has to release the pin.
  [[nodiscard]] Seen walk(const DirectoryShard& shard, std::uint64_t hash, std::uint32_t store,
                          std::string_view name, Found& found) const;
  /// Reads the name of one record, if it is bound in this store and begins with `prefix`; else it is empty.
  [[nodiscard]] Seen read(const DirectoryShard& shard, std::uint32_t index, std::uint32_t store,
                          std::string_view prefix, std::string& name, Found& found) const;
  /// The error of a look-up that stayed doubtful. REQUIRES: the shard's lock is held.
  [[nodiscard]] Error damaged(const DirectoryShard& shard, const Found& found) const;

 private:
  [[nodiscard]] std::optional<Pin> pin_bound(const Record& record, std::uint32_t store) const;
  [[nodiscard]] const char* wrong_with(const DirectoryShard& shard, const Record& record) const;

  const std::byte* const base_;
  const std::uint64_t bytes_;
  const std::shared_ptr<ObjectTable> objects_;
};

}  // namespace locum::shm
