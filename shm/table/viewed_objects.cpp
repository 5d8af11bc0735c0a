// Of ObjectTable: what this process views.
#include "shm/table/object_table.hpp"
#include "shm/table/view_count.hpp"

namespace locum::shm {

namespace {

/// One more view of an object, released also where there is no memory to describe it.
struct Viewed {
  ObjectTable& table;
  std::uint64_t id;

  ~Viewed() { table.release(id); }
};

}  // namespace

// An object with a damaged record has no known size.
void ObjectTable::for_each_viewed(const std::function<void(const Pin& pin, std::uint32_t views)>& each) {
  for (std::uint32_t node_rank = 0; node_rank < counts_.size(); ++node_rank) {
    const ViewCounts& counts = counts_[node_rank];
    for (std::uint32_t slot = 0; slot < counts.reach(); ++slot) {
      const std::uint32_t views = ViewCount(counts[slot]).retain_if_any();
      if (views == 0) {
        continue;
      }
      const Viewed viewed{*this, (std::uint64_t{node_rank} << 32U) | slot};
      if (const Pin pin = at(viewed.id); entries_[node_rank].block_of(*pin.record)) {
        each(pin, views);
      }
    }
  }
}

}  // namespace locum::shm
