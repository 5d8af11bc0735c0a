// The large bulks of MpiTransport: announced, pulled, and moved by MPI between the memory of two ranks; and
// reads of a window.

#include <algorithm>
#include <utility>

#include "mpi/transport/mpi_transport.hpp"

namespace locum::mpi {
namespace {

// Most bytes of one MPI message: MPI counts in int.
constexpr std::size_t piece_bytes = std::size_t{1} << 30U;

// Starts one operation for each piece of the bytes. False: MPI refused; what was started goes on.
template <class Bytes, class Start>
bool start_pieces(std::span<Bytes> bytes, std::vector<MPI_Request>& requests, Start start) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), piece_bytes));
    requests.push_back(MPI_REQUEST_NULL);
    if (start(piece.data(), static_cast<int>(piece.size()), &requests.back()) != MPI_SUCCESS) {
      requests.pop_back();
      return false;
    }
    bytes = bytes.subspan(piece.size());
  }
  return true;
}

enum class Moved : std::uint8_t { not_yet, all, failed };

// Ended requests are removed; `failed`: none is left, and one was cancelled or has failed.
Moved test(std::vector<MPI_Request>& requests, bool& failed) {
  while (!requests.empty()) {
    int done = 0;
    int cancelled = 0;
    MPI_Status status;
    const int code = MPI_Test(&requests.back(), &done, &status);
    if (code == MPI_SUCCESS && done == 0) {
      return Moved::not_yet;
    }
    if (code != MPI_SUCCESS || (MPI_Test_cancelled(&status, &cancelled) == MPI_SUCCESS && cancelled != 0)) {
      failed = true;
    }
    requests.pop_back();
  }
  return failed ? Moved::failed : Moved::all;
}

Error not_received(int rank) {
  return Error(Errc::peer_lost, "the bulk of a message was not received").at_rank(rank);
}

}  // namespace

// Each bulk under way to a rank has a tag of its own, as long as there are fewer of them than tags.
int MpiTransport::tag_of(std::uint64_t number) const noexcept {
  return 1 + static_cast<int>(number % static_cast<std::uint64_t>(bulk_tags_));
}

void MpiTransport::count_moving() noexcept {
  moving_.store(inbound_.size() + moving_out_.size() + reads_.size(), std::memory_order_relaxed);
}

void MpiTransport::announced(Receiver& receiver, int from, const Envelope::Opened& message) noexcept {
  const std::uint64_t landing = ++last_landing_;
  const std::uint64_t bytes = message.envelope.bulk_bytes;
  const std::span<std::byte> memory = receiver.arrived(
      {.from = from, .header = message.header, .bulk_bytes = bytes, .present = {}, .landing = landing});
  if (memory.empty()) {
    if (peer(from).state == Peer::State::open) {
      (void)post(from, {.kind = Envelope::Kind::refuse, .number = message.envelope.number}, {}, {});
    }
    return;
  }
  Inbound& inbound = inbound_.emplace_back();
  inbound.from = from;
  inbound.landing = landing;
  const int tag = tag_of(message.envelope.number);
  inbound.failed = peer(from).state != Peer::State::open ||  // the receiver has forgotten it just now
                   !start_pieces(memory.first(bytes), inbound.requests,
                                 [&](std::byte* piece, int size, MPI_Request* request) {
                                   return MPI_Irecv(piece, size, MPI_BYTE, from, tag, raw_, request);
                                 });
  count_moving();
  if (!inbound.failed) {
    inbound.failed = !post(from, {.kind = Envelope::Kind::pull, .number = message.envelope.number}, {}, {});
  }
  if (inbound.failed) {
    lose(from);
  }
}

void MpiTransport::pulled(int by, std::uint64_t number) noexcept {
  const auto found = peer(by).outbound.find(number);
  if (found == peer(by).outbound.end() || !found->second.requests.empty()) {
    return;  // no such bulk, or pulled before
  }
  Outbound& bulk = found->second;
  const int tag = tag_of(number);
  const bool started =
      start_pieces(bulk.bulk, bulk.requests, [&](const std::byte* piece, int size, MPI_Request* request) {
        return MPI_Isend(piece, size, MPI_BYTE, by, tag, raw_, request);
      });
  if (!bulk.requests.empty()) {
    moving_out_.emplace_back(by, number);
    count_moving();
  }
  if (!started) {
    lose(by);
  }
}

void MpiTransport::refused(int by, std::uint64_t number) noexcept {
  const auto found = peer(by).outbound.find(number);
  if (found == peer(by).outbound.end() || !found->second.requests.empty()) {
    return;
  }
  finished_.push_back(
      {found->second.ticket,
       Error(Errc::out_of_memory, "a rank has no memory for the bulk of a message").at_rank(by)});
  peer(by).outbound.erase(found);
}

bool MpiTransport::tell_bulks(Receiver& receiver) noexcept {
  const bool landed = tell_inbound(receiver);
  const bool sent = tell_outbound(receiver);
  const bool read = tell_reads();
  if (landed || sent || read) {
    count_moving();
  }
  return landed || sent || read;
}

bool MpiTransport::tell_inbound(Receiver& receiver) noexcept {
  bool any = false;
  for (auto at = inbound_.begin(); at != inbound_.end();) {
    const Moved moved = test(at->requests, at->failed);
    if (moved == Moved::not_yet) {
      ++at;
      continue;
    }
    const Inbound ended = std::move(*at);
    at = inbound_.erase(at);
    any = true;
    if (moved == Moved::all && peer(ended.from).state == Peer::State::open) {
      receiver.landed(ended.landing, Path::rendezvous);
    } else {
      receiver.landed(ended.landing,
                      Error(Errc::peer_lost, "the bulk of a message did not arrive; request it again")
                          .at_rank(ended.from));
    }
  }
  return any;
}

bool MpiTransport::tell_outbound(Receiver& receiver) noexcept {
  for (std::size_t at = 0; at < moving_out_.size();) {
    const auto [to, number] = moving_out_[at];
    Outbound& bulk = peer(to).outbound.at(number);
    bool failed = peer(to).state != Peer::State::open;
    const Moved moved = test(bulk.requests, failed);
    if (moved == Moved::not_yet) {
      ++at;
      continue;
    }
    finished_.push_back({bulk.ticket, moved == Moved::all ? Result<void>() : not_received(to)});
    peer(to).outbound.erase(number);
    moving_out_[at] = moving_out_.back();
    moving_out_.pop_back();
  }
  const std::vector<Finished> finished = std::exchange(finished_, {});
  for (const Finished& bulk : finished) {
    receiver.sent(bulk.ticket, bulk.outcome);
  }
  return !finished.empty();
}

void MpiTransport::take(Window window, std::shared_ptr<const void> memory) noexcept {
  window_.emplace(std::move(window));
  in_mpi_->window_memory = std::move(memory);
}

Result<Sending> MpiTransport::read(int from, std::uint64_t displacement, std::span<std::byte> into,
                                   RemoteMemory::Then then) {
  if (closed_ || peer(from).state != Peer::State::open) {
    return Error(Errc::peer_lost, "this rank can no longer be reached").at_rank(from);
  }
  if (into.empty()) {
    return Sending::done;
  }
  Read& read = reads_.emplace_back(Read{.from = from, .requests = {}, .then = std::move(then)});
  const std::byte* const first = into.data();
  read.failed = !start_pieces(into, read.requests, [&](std::byte* piece, int size, MPI_Request* request) {
    return window_->get(from, displacement + static_cast<std::size_t>(piece - first),
                        std::span(piece, static_cast<std::size_t>(size)), request)
               ? MPI_SUCCESS
               : MPI_ERR_OTHER;
  });
  count_moving();
  return Sending::pending;
}

bool MpiTransport::tell_reads() noexcept {
  std::vector<std::pair<RemoteMemory::Then, Result<void>>> ended;
  for (auto at = reads_.begin(); at != reads_.end();) {
    const Moved moved = test(at->requests, at->failed);
    if (moved == Moved::not_yet) {
      ++at;
      continue;
    }
    ended.emplace_back(std::move(at->then),
                       moved == Moved::all
                           ? Result<void>()
                           : Error(Errc::peer_lost, "a one-sided read failed").at_rank(at->from));
    at = reads_.erase(at);
  }
  for (const auto& [then, outcome] : ended) {
    then(outcome);
  }
  return !ended.empty();
}

// What MPI has not been given yet ends here. The rest ends when MPI lets go of it: receives soon, sends when
// they are received, or never.
void MpiTransport::drop_bulks_of(int rank) noexcept {
  for (auto& [number, bulk] : peer(rank).outbound) {
    if (bulk.requests.empty()) {
      finished_.push_back({bulk.ticket, not_received(rank)});
    }
  }
  std::erase_if(peer(rank).outbound, [](const auto& bulk) { return bulk.second.requests.empty(); });
  for (Inbound& inbound : inbound_) {
    if (inbound.from == rank) {
      for (MPI_Request& request : inbound.requests) {
        (void)MPI_Cancel(&request);
      }
    }
  }
}

bool MpiTransport::has_bulks_of(int rank) const noexcept {
  const auto is_from = [rank](const auto& bulk) { return bulk.from == rank; };
  return !peers_[static_cast<std::size_t>(rank)].outbound.empty() || std::ranges::any_of(inbound_, is_from) ||
         std::ranges::any_of(reads_, is_from);
}

}  // namespace locum::mpi
