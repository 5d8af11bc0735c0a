#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/client/batch_update.hpp"
#include "core/client/remote_writer.hpp"

namespace locum {

/// Evicts many objects everywhere, like RemoteWriter::evict() for each: by key at the node of the object, by
/// name at the name's home. Evictions that start at this node, because it has the object or is the home, are
/// done one by one.
class BatchEvict final : private BatchUpdate {
 public:
  using Evicted = std::vector<Result<bool>>;

  /// In the order of the addresses. Keeps the writer alive.
  [[nodiscard]] static Task<Result<Evicted>> evict(std::shared_ptr<RemoteWriter> writer,
                                                   std::vector<Lookup> objects,
                                                   Deadline::Clock::time_point until);

 private:
  BatchEvict(RemoteWriter& writer, std::vector<Lookup> objects, Moment until);

  void plan();
  void pack(std::uint32_t change, Sending& sending) override;
  bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
              Turn turn) noexcept override;
  [[nodiscard]] Task<std::monostate> make_alone(std::uint32_t change) override;

  RemoteWriter& writer_;
  const std::vector<Lookup> objects_;
  Evicted evicted_;
};

}  // namespace locum
