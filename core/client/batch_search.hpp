#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/async/task_group.hpp"
#include "core/base/mutex.hpp"
#include "core/client/batch_chunks.hpp"
#include "core/client/received_batch.hpp"
#include "core/client/remote_reader.hpp"
#include "core/ports/batches.hpp"

namespace locum {

/// Wanted objects of other nodes.
struct BatchWanted {
  BatchWanted(Wanting how_much, Deadline::Clock::time_point latest) : wanting(how_much), until(latest) {}

  void reserve(std::size_t objects) {
    addresses.reserve(objects);
    has_no_copy.reserve(objects);
  }
  /// Adds one; `without_copy`: RemoteReader::AtHand::has_no_copy. Does not throw if room was reserved for it.
  void add(const Address& address, bool without_copy) {
    addresses.push_back(address);
    has_no_copy.push_back(without_copy);
  }
  /// Copies the names, which belonged to the caller.
  void keep_names();

  std::vector<Address> addresses;
  std::vector<bool> has_no_copy;
  std::unique_ptr<char[]> names;
  Wanting wanting;
  Deadline::Clock::time_point until;
};

/// Searches for many objects of other nodes: requests from each node those that it should have, or whose
/// names are at home there, in as few requests as possible, all nodes concurrently; then those that are too
/// large for that, or were not included, one by one, at most 128 at a time. One operation, which alone uses
/// it.
class BatchSearch final {
 public:
  using Found = std::vector<Result<ObjectView>>;

  /// The objects, in the order of their addresses. None of them can be found without a request. REQUIRES: the
  /// names are kept.
  [[nodiscard]] static Task<Result<Found>> find(std::shared_ptr<RemoteReader> reader, BatchWanted wanted);

 private:
  /// One that is searched for alone.
  struct Single {
    std::uint32_t object = 0;
    std::uint64_t size_bytes = 0;  ///< 0: not known
    ObjectWire said{};             ///< the object of a name, according to its home; without a key: not known
    bool is_known = false;         ///< whether from known_here_
  };

  BatchSearch(RemoteReader& reader, BatchWanted wanted);

  [[nodiscard]] Task<std::monostate> work();
  [[nodiscard]] Task<Result<ObjectView>> find_alone(const Single& single) const;
  void plan();
  void begin() noexcept;
  [[nodiscard]] Task<std::monostate> ask_for(std::size_t chunk);
  [[nodiscard]] ReplyAwaiter ask(const BatchChunk& chunk) const;
  void settle(BatchChunk& chunk, const Result<NodeReply>& reply);
  void settle(BatchChunk& chunk, const std::shared_ptr<ReceivedBatch>& held);
  [[nodiscard]] bool is_looked_for_by_key(const BatchRow& row) const;
  [[nodiscard]] bool is_sensible(const Address& address, const ObjectWire& said) const;
  [[nodiscard]] Result<ObjectView> view(const std::shared_ptr<ReceivedBatch>& held, std::size_t at,
                                        const Address& address) const;
  void fail(BatchChunk& chunk, const Error& error);
  void look_alone(const Single& single);
  void begin_workers() noexcept;
  [[nodiscard]] bool take_single(Single& single) LOCUM_EXCLUDES(mutex_);

  RemoteReader& reader_;
  const BatchWanted wanted_;
  Found found_;
  BatchChunks chunks_;  ///< of places in wanted_.addresses
  TaskGroup group_;
  std::atomic<std::size_t> workers_{0};  ///< running besides the first
  Mutex mutex_;
  std::vector<Single> singles_ LOCUM_GUARDED_BY(mutex_);
  std::size_t taken_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< of these
  /// Those known to this node: by a copy that may not be shown without asking, or a flight.
  std::vector<std::uint32_t> known_here_ LOCUM_GUARDED_BY(mutex_);
  std::size_t known_taken_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool knowing_ LOCUM_GUARDED_BY(mutex_) = false;  ///< one of these is being searched for
};

}  // namespace locum
