#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "core/c/locum.h"
#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/shards/epochs.hpp"
#include "transport/storage/shards/shards.hpp"

namespace locum::c {

/// \file
/// What the calls for shards and those for epochs share. Each is what a handle has.

struct OpenedShards {
  ShardStore<Record> shards;
};
struct OpenedShard {
  std::string key;
  std::shared_ptr<const OpenShard> open;
};
struct OpenedEpochs {
  explicit OpenedEpochs(std::shared_ptr<detail::EpochWalk> made) : walk(std::move(made)), reader(walk) {}

  const std::shared_ptr<detail::EpochWalk> walk;
  const EpochReader<Record> reader;
  std::atomic_flag is_read;  ///< a thread is in a call that only one thread may make
};

/// Gives a sample as what a file holds is given: the bytes of one with members, or of a list, in place.
/// \param value what the sample was decoded to
[[nodiscard]] locum_status give_sample(const StoredSample& sample, const Result<Record>& value,
                                       locum_view& view);

}  // namespace locum::c
