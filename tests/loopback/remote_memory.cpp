#include "tests/loopback/remote_memory.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "core/rpc/call_error.hpp"

// One-sided reads on the simulated network: the request travels to the owner's machine, which takes the bytes
// as they are at that moment, whatever the owner does; they travel back, and are written on arrival.
namespace locum::loopback {
namespace {

/// The content of a key. Any other bytes are not a key.
struct Opening {
  std::uint64_t exposure = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rank = 0;
  std::uint64_t check = 0;

  [[nodiscard]] std::uint64_t sum() const noexcept {
    return hash64({reinterpret_cast<const char*>(this), offsetof(Opening, check)});
  }
};

std::optional<Opening> opening_of(const RemoteKey& key) {
  Opening opening;
  if (key.bytes().size() != sizeof opening) {
    return std::nullopt;
  }
  std::memcpy(&opening, key.bytes().data(), sizeof opening);
  return opening.check == opening.sum() ? std::optional(opening) : std::nullopt;
}

Error lost_on_the_way() {
  return Error(Errc::timeout, "a one-sided read was lost; read again");
}

}  // namespace

std::shared_ptr<RemoteMemory> Network::remote_memory(int rank) {
  return std::make_shared<LoopbackRemoteMemory>(*this, rank);
}

bool LoopbackRemoteMemory::reads(int rank) const noexcept {
  return rank >= 0 && rank < network_.size() && rank != rank_ &&
         network_.ranks_[Network::index(rank)].one_sided;
}

Result<RemoteMemory::Exposure> Network::expose(int rank, std::span<const std::byte> memory) {
  if (!ranks_[index(rank)].one_sided) {
    return Error(Errc::unsupported,
                 "the network does not support one-sided reads from rank " + std::to_string(rank) + "");
  }
  const std::uint64_t number = ++last_exposure_;
  exposures_[number] = {rank, memory};
  Opening opening{number, memory.size(), index(rank)};
  opening.check = opening.sum();
  return RemoteMemory::Exposure{number, RemoteKey(std::as_bytes(std::span(&opening, 1)))};
}

Result<Sending> Network::read(Read read, const RemoteKey& key, std::uint64_t offset) {
  const int owner = read.owner;
  if (owner < 0 || owner >= size() || owner == read.reader || !ranks_[index(owner)].one_sided) {
    return Error(Errc::unsupported,
                 "the network does not support one-sided reads from rank " + std::to_string(owner) + "");
  }
  const auto opening = opening_of(key);
  if (!opening || opening->rank != index(owner) || offset > opening->bytes ||
      read.into.size() > opening->bytes - offset) {
    return call_error::wrong_key(owner);
  }
  if (!alive(read.reader) || links_.given_up(read.reader, owner)) {
    return unreachable(owner);
  }
  const std::uint64_t id = ++last_read_;
  // A withdrawal meanwhile is detected when the request arrives there.
  const auto exposed = exposures_.find(opening->exposure);
  read.memory = exposed == exposures_.end() ? std::span<const std::byte>()
                                            : exposed->second.second.subspan(offset, read.into.size());
  const bool stale = exposed == exposures_.end();
  const int reader = read.reader;
  reads_.emplace(id, std::move(read));
  after(latency(reader, owner), [this, id, stale, exposure = opening->exposure] {
    if (stale || !exposures_.contains(exposure)) {
      const auto found = reads_.find(id);
      if (found != reads_.end() && alive(found->second.owner)) {
        end_read(id, Error(Errc::stale, "this memory is no longer exposed; ask its owner for a new key"));
      }
      return;
    }
    go_on_reading(id);
  });
  return Sending::pending;
}

// At the owner's end, then at the reader's. A dead owner sends nothing, until the reader is told of the
// death.
void Network::go_on_reading(std::uint64_t id) {
  const auto found = reads_.find(id);
  if (found == reads_.end()) {
    return;
  }
  Read& read = found->second;
  if (links_.ended(read.owner, read.reader) || links_.ended(read.reader, read.owner) ||
      (!read.there && !alive(read.owner))) {
    return;
  }
  const auto cut = read.there ? links_.cut(read.owner, read.reader) : links_.cut(read.reader, read.owner);
  if (cut == Cut::lose) {
    after(options_.give_up, [this, id] { end_read(id, lost_on_the_way()); });
    return;
  }
  read.held = cut.has_value();
  if (read.held) {
    return;
  }
  if (!read.there) {
    read.bytes.assign(read.memory.begin(), read.memory.end());
    read.there = true;
    after(latency(read.owner, read.reader) + time_for(read.bytes.size()), [this, id] { go_on_reading(id); });
    return;
  }
  note(Step::read, read.owner, read.reader,
       hash64({reinterpret_cast<const char*>(read.bytes.data()), read.bytes.size()}));
  std::ranges::copy(read.bytes, read.into.begin());
  ++counters_.reads.messages;
  counters_.reads.bytes += read.bytes.size();
  end_read(id, {});
}

void Network::end_read(std::uint64_t id, const Result<void>& outcome) {
  auto read = reads_.extract(id);
  if (!read.empty()) {
    const int reader = read.mapped().reader;
    ranks_[index(reader)].inbox.emplace_back(ReadEnded{std::move(read.mapped().then), outcome});
    announce_soon(reader);
  }
}

void Network::end_reads(int reader, int owner) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, read] : reads_) {
    if (read.reader == reader && read.owner == owner) {
      ids.push_back(id);
    }
  }
  for (const std::uint64_t id : ids) {
    end_read(id, unreachable(owner));
  }
}

}  // namespace locum::loopback
