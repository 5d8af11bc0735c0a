#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

class MemoryRoom;

/// A name whose object in memory may not be in the backend yet.
struct UnwrittenName {
  Key record;  ///< which says so
  std::uint32_t store = 0;
  std::string store_name;
  std::string name;
  bool checksum = false;  ///< whether its record in the backend is to have one
};

/// Which names of a tier are not written yet: records in the memory of the node, objects without names in a
/// store that holds nothing else. A record is there before the object is, and until the object is written; so
/// of a rank that dies the others of its node find what is left to be written. Any thread.
class UnwrittenNames {
 public:
  /// \param store of `front`, the same on every rank
  UnwrittenNames(std::shared_ptr<Connector> front, std::uint32_t store)
      : front_(std::move(front)), store_(store) {}

  /// Makes a record; sets its key.
  [[nodiscard]] Result<void> add(UnwrittenName& name, MemoryRoom& room,
                                 Deadline::Clock::time_point until) const;
  /// Whether the node's table has room for another object: makes one, and evicts it. `out_of_memory`.
  [[nodiscard]] Result<void> try_entry(Deadline::Clock::time_point until) const;
  void remove(const Key& record) const noexcept { (void)front_->evict(Address(record), {}); }
  [[nodiscard]] bool is_there(const Key& record) const;
  /// Those that ranks of this node have made.
  [[nodiscard]] std::vector<UnwrittenName> of_node() const;

 private:
  const std::shared_ptr<Connector> front_;
  const std::uint32_t store_;
};

}  // namespace locum
