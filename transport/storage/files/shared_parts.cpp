#include "transport/storage/files/shared_parts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "core/base/unless_out_of_memory.hpp"
#include "core/raw_store.hpp"

namespace locum::storage {

namespace {

/// Of the node's memory, what one rank makes takes at most a part of it: 64 ranks a quarter.
constexpr std::uint64_t parts_of_memory = 256;
/// A rank that makes a part for longer is stopped, or its file system is: others do not wait for it, and for
/// no other part either until it may be well again.
constexpr std::chrono::seconds longest_wait{5};
constexpr std::chrono::seconds recovery{60};

std::uint64_t bytes_for_parts(const SessionOptions& options) {
  return std::min(options.options.decoded_cache_bytes, options.traits.largest_record / parts_of_memory);
}

}  // namespace

SharedParts::SharedParts(const Session& session, Store store, std::chrono::milliseconds lifetime,
                         std::uint64_t most_bytes)
    : session_(session),
      store_(std::move(store)),
      once_(session_, store_),
      lifetime_(lifetime),
      most_bytes_(most_bytes != 0 ? most_bytes : bytes_for_parts(session.options())) {}

// Views of others keep what they show.
SharedParts::~SharedParts() {
  evict_until(0);
}

// Who finds no room may not even claim the part: others would wait for what it does not make.
Result<Array> SharedParts::get(const std::string& content, std::uint64_t bytes, const Make& make) {
  {
    const MutexLock lock(mutex_);
    if (making_ + bytes > most_bytes_) {
      return Error(Errc::out_of_memory, "parts of files that are being made take all the room for them");
    }
  }
  const auto now = Deadline::Clock::now().time_since_epoch();
  const bool waits = now.count() >= impatient_until_.load(std::memory_order_relaxed);
  const auto object = once_.get(
      std::string(loaded_files) + content,
      [&](const std::string& name, const LentProcessors&) { return make_object(name, bytes, make); },
      waits ? Deadline(longest_wait) : Deadline(Deadline::Clock::now()));
  if (!object && object.error().code() == Errc::timeout && waits) {
    impatient_until_.store((Deadline::Clock::now().time_since_epoch() + recovery).count(),
                           std::memory_order_relaxed);
  }
  return object ? Array::of(*object) : object.error();
}

Result<void> SharedParts::make_object(const std::string& name, std::uint64_t bytes, const Make& make) {
  {
    const MutexLock lock(mutex_);
    making_ += bytes;
  }
  evict_until(most_bytes_);
  const auto key = guarded([&] { return fill_object(name, bytes, make); });
  const MutexLock lock(mutex_);
  making_ -= bytes;
  if (key) {
    oldest_first_.push_back({*key, bytes});
    bytes_ += bytes;
  }
  return key ? Result<void>() : key.error();
}

// A second try after the room was made: other ranks may fill the node as well.
Result<Key> SharedParts::fill_object(const std::string& name, std::uint64_t bytes, const Make& make) {
  const RawStore raw(store_);
  const auto create = [&] {
    return raw.create(name, ElementType::of<std::uint8_t>(), {bytes}, {.lifetime = lifetime_});
  };
  auto writer = create();
  if (!writer && writer.error().code() == Errc::out_of_memory) {
    evict_until(0);
    writer = create();
  }
  if (!writer) {
    return writer.error();
  }
  const auto made = make({writer->data(), static_cast<std::size_t>(writer->size())});
  return made ? writer->seal() : made.error();
}

void SharedParts::evict_until(std::uint64_t most_bytes) {
  std::vector<Key> gone;
  {
    const MutexLock lock(mutex_);
    while (!oldest_first_.empty() && bytes_ + making_ > most_bytes) {
      gone.push_back(oldest_first_.front().key);
      bytes_ -= oldest_first_.front().bytes;
      oldest_first_.pop_front();
    }
  }
  if (!gone.empty()) {
    (void)store_.evict_batch(gone);  // of those that have expired, there is nothing to evict
  }
}

// Multiples of the golden ratio lie far from each other, whichever ranks of the job are on the node.
std::size_t SharedParts::first_of(std::size_t count) const noexcept {
  constexpr double golden = 0.6180339887498949;
  const double turns = golden * static_cast<double>(session_.options().rank);
  const double part = turns - static_cast<double>(static_cast<std::uint64_t>(turns));
  return std::min(static_cast<std::size_t>(part * static_cast<double>(count)), count == 0 ? 0 : count - 1);
}

}  // namespace locum::storage
