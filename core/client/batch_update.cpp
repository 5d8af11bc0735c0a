#include "core/client/batch_update.hpp"

#include <algorithm>
#include <utility>

#include "core/client/pending_bind.hpp"
#include "core/rpc/call_error.hpp"

namespace locum {

namespace {

// Most changes made one by one at a time.
constexpr std::size_t most_alone = 128;

/// Iterates over the replies of a batch, row by row.
class BatchReply {
 public:
  BatchReply(const NodeReply& reply, std::size_t count) : rank_(reply.rank) {
    const auto said = read_words<BatchReplyWords>(reply.body);
    const std::size_t rows_bytes = count * sizeof(BatchReplyRow);
    if (said && said->count == count && reply.block && reply.block_bytes >= rows_bytes) {
      const auto all = std::span<const std::byte>(reply.block->memory()).first(reply.block_bytes);
      rows_ = all.first(rows_bytes);
      errors_ = all.subspan(rows_bytes);
    }
  }
  [[nodiscard]] bool makes_sense() const noexcept { return !rows_.empty(); }
  /// The next one.
  [[nodiscard]] Result<std::uint64_t> take() noexcept {
    const BatchReplyRow row = *read_words<BatchReplyRow>(rows_);
    rows_ = rows_.subspan(sizeof row);
    if (row.status == 0) {
      return row.value;
    }
    const auto packed = errors_.first(std::min<std::size_t>(row.error_bytes, errors_.size()));
    errors_ = errors_.subspan(packed.size());
    return call_error::told(static_cast<std::uint8_t>(std::min(row.status, 255U)), packed, rank_);
  }

 private:
  const int rank_;
  std::span<const std::byte> rows_;
  std::span<const std::byte> errors_;
};

}  // namespace

Task<std::monostate> BatchUpdate::make() {
  chunks_.plan();
  co_await Operation::ToDriver();
  begin();
  while (true) {
    const bool goes_on = co_await group_.next();
    if (!goes_on) {
      break;
    }
    co_await Operation::ToThread();
    // One after the other: none of them waits long for a lock, but is retried after the others.
    group_.work(client_.budget_to_begin());
  }
  co_return std::monostate();
}

void BatchUpdate::begin() noexcept {
  for (const std::size_t chunk : chunks_.first()) {
    group_.begin(client_.operation(ask_for(chunk)));
  }
  for (std::size_t left = std::min(alone_.size(), most_alone); left > 0; --left) {
    group_.begin(client_.operation(work()));
  }
}

// This chunk, and those after it. Changes that a node defers are requested again, as a single change is.
Task<std::monostate> BatchUpdate::ask_for(std::size_t chunk) {
  do {
    BatchChunk& asked = chunks_[chunk];
    const auto latest = std::min(until_, client_.now() + binding::longest_wait_for_room);
    BackOff back_off = binding::back_off;
    while (!asked.objects.empty()) {
      const Turn turn = client_.now() + back_off.pause() >= latest ? Turn::last : Turn::any;
      {
        const auto reply = co_await ask(asked);
        settle(asked, reply, turn);
      }
      if (!asked.objects.empty()) {
        co_await client_.paused(back_off.next());
      }
    }
    chunk = asked.next;
  } while (chunk != 0);
  co_return std::monostate();
}

// The node's own waits may take most of the remaining time: the rest is for the reply.
ReplyAwaiter BatchUpdate::ask(const BatchChunk& chunk) {
  const auto sending = std::make_shared<Sending>();
  for (const std::uint32_t change : chunk.objects) {
    pack(change, *sending);
  }
  const auto left = std::max(until_ - client_.now(), Moment::duration::zero());
  const UpdateBatchWords asked{.count = static_cast<std::uint32_t>(chunk.objects.size()),
                               .patience_ns = static_cast<std::uint64_t>((left - left / 8).count())};
  return client_.request(chunk.node, chunk.kind, words(asked), {sending->bytes, sending}, until_);
}

// Keeps those in the chunk that have to be requested again.
void BatchUpdate::settle(BatchChunk& chunk, const Result<NodeReply>& reply, Turn turn) noexcept {
  if (!reply) {
    return settle_all(chunk, reply.error());
  }
  BatchReply said(*reply, chunk.objects.size());
  if (!said.makes_sense()) {
    return settle_all(chunk, call_error::invalid_reply(chunk.node));
  }
  std::erase_if(chunk.objects, [&](std::uint32_t change) {
    return !settle(chunk.node, change, said.take(), Word::of_service, turn);
  });
}

void BatchUpdate::settle_all(BatchChunk& chunk, const Error& error) noexcept {
  for (const std::uint32_t change : std::exchange(chunk.objects, {})) {
    (void)settle(chunk.node, change, error, Word::of_batch, Turn::last);
  }
}

Task<std::monostate> BatchUpdate::work() {
  for (std::size_t at = 0; (at = taken_.fetch_add(1, std::memory_order_relaxed)) < alone_.size();) {
    (void)co_await make_alone(alone_[at]);
  }
  co_return std::monostate();
}

}  // namespace locum
