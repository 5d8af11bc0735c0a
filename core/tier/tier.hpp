#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/value/result.hpp"

namespace locum {

/// What becomes of a named object that is put into a tier.
enum class TierWrites : std::uint8_t {
  none,     ///< it is refused: the backend is only read
  through,  ///< it is in the backend when the call returns
  back,     ///< it is in memory when the call returns, and in the backend soon after
};

/// Settings of a tier.
struct TierOptions {
  TierWrites writes = TierWrites::through;
  std::chrono::milliseconds timeout{30'000};                 ///< of calls without a deadline
  std::uint32_t most_threads = 64;                           ///< calls of the backend under way at once
  std::uint64_t prefetch_bytes = std::uint64_t{256} << 20U;  ///< fetched ahead: see RuntimeOptions
  /// A store of the memory in front that nobody else uses, the same on every rank: see NameClaims.
  std::uint32_t claims_store = 0;
  /// back: so much of what this process has put may be unwritten at a time.
  std::uint64_t unwritten_bytes = std::uint64_t{256} << 20U;
  /// Another such store, see UnwrittenNames: ranks may differ in what they write back.
  std::uint32_t unwritten_store = 0;
  /// Behind the names of stores, where they are registered in front: stores of the same name without a
  /// backend are others.
  std::string suffix{};
  /// The number in the backend of the store of that name, which is opened if it is not. Empty: stores have
  /// the same numbers in both, and are registered in neither.
  std::function<Result<std::uint32_t>(std::string_view store)> open_in_back{};
  /// Drops the store of that name from the backend. Empty: by its number.
  std::function<Result<std::uint64_t>(std::string_view store)> drop_in_back{};
  /// Has memory swept for objects in that store, in front, that live that long (Expiring). Any thread calls.
  /// Empty: who sweeps the tier sweeps memory, too.
  std::function<Result<void>(std::uint32_t store, std::chrono::milliseconds lifetime)> expect_expiry{};
  /// Ranks of this node that are known to be dead. Any thread calls. Empty: none ever is.
  std::function<std::vector<int>()> lost_node_peers{};
};

/// A connector over memory and a backend.
class Tier : public Connector {
 public:
  /// Waits until all that this process has put before is in the backend, and what dead ranks of its node have
  /// left. The first error, or `timeout`; what is not written stays in memory, and is tried again.
  [[nodiscard]] virtual Result<void> flush(Deadline deadline) = 0;
  /// How much is not written yet, and why; empty if nothing is.
  [[nodiscard]] virtual std::string describe() const = 0;
  /// Writes nothing more in the background.
  virtual void close() noexcept = 0;
};

/// A store whose objects are in memory, which the ranks of a job share, and whose named ones are in a backend
/// as well: so they outlive the job, and what memory has no room for is found there. `front` is the memory,
/// `back` the backend; keys, handles and generations are those of the front, and objects without names are
/// nowhere else.
///
/// A name that is in memory is read there alone, as ever. What has to do with the backend, that is, to bring
/// an object to memory, to put, replace or evict a name, is done by one thread of the job at a time for each
/// name (NameClaims): so the order in which a name changes is the same in memory and in the backend, and of
/// ranks that miss a name at once one loads it. What is written back is written under such a claim, too: what
/// memory has then. An object that memory has no room for is given out as the backend gave it, in the memory
/// of this process. Batches are claimed, read and stored in pieces, names that another thread is busy with
/// last.
///
/// An object has its lifetime in both; from memory it is gone about when the backend shows it no more.
[[nodiscard]] std::shared_ptr<Tier> open_tier(std::shared_ptr<Connector> front,
                                              std::shared_ptr<Connector> back, TierOptions options);

}  // namespace locum
