#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/client/batch_update.hpp"
#include "core/client/pending_bind.hpp"
#include "core/client/remote_writer.hpp"

namespace locum {

/// Binds many published objects of this process to the names that they carry, like RemoteWriter::seal() for a
/// name that must not be bound, and is at home on another node.
class BatchBind final : private BatchUpdate {
 public:
  using Bound = std::vector<Result<Sealed>>;

  /// In the order of the keys. Keeps the writer alive. Objects that cannot be bound are evicted.
  [[nodiscard]] static Task<Result<Bound>> bind(std::shared_ptr<RemoteWriter> writer, std::vector<Key> keys,
                                                Deadline::Clock::time_point until);

 private:
  BatchBind(RemoteWriter& writer, std::vector<Key> keys, Moment until);

  void plan();
  void end() noexcept;
  void pack(std::uint32_t change, Sending& sending) override;
  bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
              Turn turn) noexcept override;
  [[nodiscard]] Task<std::monostate> make_alone(std::uint32_t change) override;
  [[nodiscard]] bool has_value(const Pin& pin) const {
    return writer_.memory().block(pin).size() <= writer_.inline_bytes();
  }

  RemoteWriter& writer_;
  const std::vector<Key> keys_;
  Bound bound_;
  std::vector<std::shared_ptr<PendingBind>> objects_;  ///< those without a reply yet
};

}  // namespace locum
