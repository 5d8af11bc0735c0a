#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>

/// \file
/// The port behind Shards and ShardStore: where shards are, and what their bytes say.
namespace locum {

/// A sample as a shard holds it: the bytes of a stored value, or a Record.
struct StoredSample {
  std::shared_ptr<const void> owner;  ///< keeps the bytes
  std::span<const std::byte> bytes;   ///< of no meaning beside a Record
  std::optional<Record> record;       ///< of sources whose ShardSource::type() is empty
};

/// A shard that is open for reading: its samples are numbered from 0. It has the samples of when it was
/// opened: a shard that replaces it, or its removal, changes nothing. Several threads may call.
class OpenShard {
 public:
  OpenShard() = default;
  OpenShard(const OpenShard&) = delete;
  OpenShard& operator=(const OpenShard&) = delete;
  virtual ~OpenShard() = default;

  /// Returns the number of samples.
  [[nodiscard]] virtual std::uint64_t count() const noexcept = 0;
  /// Reads a sample, and of the others at most those that are compressed together with it. `corrupt` names
  /// shard, sample and place; `timeout`; `stale` if the file was changed in place. REQUIRES: number <
  /// count().
  [[nodiscard]] virtual Result<StoredSample> sample(std::uint64_t number, Deadline deadline) const = 0;
  /// Reads consecutive samples ahead, and keeps them in memory as long as this; on a node once for all ranks
  /// that share its memory. Blocks until they are read. After `corrupt` those are kept that are not damaged,
  /// nor near to what is: sample() reads the others. REQUIRES: first + count <= count().
  /// \param first number of the first sample
  /// \param count of samples
  /// \param turn where to begin, between 0 and 1, so that ranks begin at different places
  [[nodiscard]] virtual Result<void> keep(std::uint64_t first, std::uint64_t count, double turn) const {
    (void)first;
    (void)count;
    (void)turn;
    return {};
  }
};

/// What the index of a set of shards tells of one.
struct ShardFacts {
  std::string key;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;  ///< that it takes where it is kept
};

/// A shard that is being written. Nobody finds it before publish(); nothing of it is left when it is
/// destroyed without that. One thread.
class ShardDraft {
 public:
  ShardDraft() = default;
  ShardDraft(const ShardDraft&) = delete;
  ShardDraft& operator=(const ShardDraft&) = delete;
  virtual ~ShardDraft() = default;

  /// Appends a sample: `bytes`, or `record` where ShardSource::type() is empty.
  [[nodiscard]] virtual Result<void> add(const StoredSample& sample) = 0;
  /// Gives the shard its key: every rank finds it when this returns. `key_exists` if a shard has it.
  [[nodiscard]] virtual Result<void> publish(Deadline deadline) = 0;
};

/// A set of shards. Several threads may call. What is read is not trusted.
class ShardSource {
 public:
  ShardSource() = default;
  ShardSource(const ShardSource&) = delete;
  ShardSource& operator=(const ShardSource&) = delete;
  virtual ~ShardSource() = default;

  /// Returns the name of the samples' type; empty: they are Records.
  [[nodiscard]] virtual std::string_view type() const noexcept = 0;
  /// Returns at most `most` keys behind `after`, in ascending order; fewer: there are no more.
  [[nodiscard]] virtual Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                              Deadline deadline) = 0;
  /// Returns the facts of all shards, by key in ascending order. Reads those that no index has.
  [[nodiscard]] virtual Result<std::vector<ShardFacts>> index(Deadline deadline) = 0;
  /// Opens a shard. `not_found`; `corrupt` if it is none; `unsupported` if this version does not read it.
  [[nodiscard]] virtual Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                                      Deadline deadline) = 0;
  /// Begins a shard. `unsupported`: these shards are only read; `invalid_argument` for a bad key.
  [[nodiscard]] virtual Result<std::unique_ptr<ShardDraft>> create(const std::string& key) = 0;
  /// Removes a shard. False: there was none. `unsupported`: these shards are only read.
  [[nodiscard]] virtual Result<bool> remove(const std::string& key, Deadline deadline) = 0;
  /// Returns what a reader is told of a set without shards: `not_found`, where it looked, and what is there.
  [[nodiscard]] virtual Error none() const {
    return Error(Errc::not_found, "the set has no shards; write some before it is read");
  }
};

}  // namespace locum
