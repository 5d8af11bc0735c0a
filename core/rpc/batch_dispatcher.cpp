#include "core/rpc/batch_dispatcher.hpp"

#include <algorithm>
#include <cstring>

#include "core/rpc/call_error.hpp"
#include "core/rpc/packed_error.hpp"

namespace locum {

namespace {

const Error& says_nothing() {
  static const Error* const error =
      new Error(Errc::corrupt,
                "the reply to a batched request is missing; check the state of the object, and try again");
  return *error;
}

}  // namespace

BatchDispatcher::BatchDispatcher(std::shared_ptr<RpcChannel> channel, std::chrono::milliseconds timeout)
    : channel_(std::move(channel)),
      timeout_(timeout),
      open_of_(static_cast<std::size_t>(channel_->options().size)),
      overdue_(*channel_, [this](Clock::time_point now) { end_overdue(now); }) {
  (void)says_nothing();  // created now, so that later use needs no memory
}

bool BatchDispatcher::take(const Request& batch, Service& service) {
  const auto kind = kind_within(batch.kind);
  const std::size_t words_bytes = words_within(batch.kind);
  const auto asked = read_words<UpdateBatchWords>(batch.body);
  if (!kind || !asked || !are_requests(batch.bulk, asked->count, words_bytes)) {
    return false;
  }
  std::uint32_t& open_of_it = open_of_[static_cast<std::size_t>(batch.from)];
  if (open_of_it + asked->count > most_open ||
      !channel_->has_room(batch.from, asked->count * sizeof(BatchReplyRow))) {
    channel_->refuse(batch.from, batch.call, call_error::crowded(batch.from, channel_->options().rank));
    return true;
  }
  const std::chrono::nanoseconds longest =
      std::min<std::chrono::milliseconds>(timeout_, std::chrono::hours(24 * 365));
  const auto patience =
      std::chrono::nanoseconds(std::min(asked->patience_ns, static_cast<std::uint64_t>(longest.count())));
  auto made = std::make_unique<OpenBatch>(
      OpenBatch{batch.from,
                batch.call,
                channel_->now() + patience,
                asked->count,
                std::vector<BatchReplyRow>(asked->count),
                std::vector<bool>(asked->count),
                {},
                std::make_shared<std::vector<std::byte>>(asked->count * sizeof(BatchReplyRow))});
  const std::uint32_t number = open_.reserve();
  open_.put(std::move(made));
  open_of_it += asked->count;
  auto left = batch.bulk;
  for (std::uint32_t place = 0; place < asked->count; ++place) {
    const auto request = next_request(left, words_bytes);
    service.serve({batch.from, batch.call, *kind, request->words, request->bulk, number, place});
  }
  if (const auto* const waits = open_.find(number)) {
    overdue_.set((*waits)->due);
  }
  return true;
}

// A batch that was answered at its deadline may still get replies to its requests.
BatchDispatcher::OpenBatch* BatchDispatcher::find(ReplyTo reply_to) noexcept {
  auto* const found = open_.find(reply_to.call);
  const bool is_due =
      found != nullptr && reply_to.place() < (*found)->rows.size() && !(*found)->is_said[reply_to.place()];
  return is_due ? found->get() : nullptr;
}

void BatchDispatcher::reply(ReplyTo reply_to, std::span<const std::byte> body) noexcept {
  if (body.empty()) {
    return refuse(reply_to, says_nothing());
  }
  if (OpenBatch* const batch = find(reply_to)) {
    BatchReplyRow& row = batch->rows[reply_to.place()];
    std::memcpy(&row.value, body.data(), std::min(body.size(), sizeof row.value));
    said(*batch, reply_to);
  }
}

void BatchDispatcher::refuse(ReplyTo reply_to, const Error& error) noexcept {
  if (OpenBatch* const batch = find(reply_to)) {
    batch->rows[reply_to.place()].status = static_cast<std::uint32_t>(error.code());
    batch->errors.emplace_back(reply_to.place(), error);
    said(*batch, reply_to);
  }
}

void BatchDispatcher::said(OpenBatch& batch, ReplyTo reply_to) noexcept {
  batch.is_said[reply_to.place()] = true;
  if (--batch.left > 0) {
    return;
  }
  const auto all_said = open_.take(reply_to.call);
  open_of_[static_cast<std::size_t>(all_said->from)] -= static_cast<std::uint32_t>(all_said->rows.size());
  if (!all_said->is_answered) {
    tell(*all_said);
  }
}

void BatchDispatcher::tell(OpenBatch& batch) noexcept {
  batch.is_answered = true;
  pack_errors(batch);
  std::ranges::copy(std::as_bytes(std::span(batch.rows)), batch.bytes->begin());
  const BatchReplyWords body{.count = static_cast<std::uint32_t>(batch.rows.size())};
  channel_->reply(batch.from, batch.call, words(body), {*batch.bytes, batch.bytes, batch.bytes->size()});
}

// Packs as many as there is room for.
void BatchDispatcher::pack_errors(OpenBatch& batch) const noexcept {
  std::ranges::sort(batch.errors, {}, [](const auto& each) { return each.first; });
  std::vector<std::byte>& bytes = *batch.bytes;
  const std::size_t rows_bytes = bytes.size();
  for (const auto& [place, error] : batch.errors) {
    const auto packed = pack(error);
    const std::size_t size = bytes.size() + packed.size();
    if (size - rows_bytes <= most_error_bytes && channel_->has_room(batch.from, size)) {
      bytes.insert(bytes.end(), packed.begin(), packed.end());
      batch.rows[place].error_bytes = static_cast<std::uint32_t>(packed.size());
    }
  }
}

// Answers the batches whose sender's patience is over. They stay open until all their requests have replies.
void BatchDispatcher::end_overdue(Clock::time_point now) noexcept {
  std::size_t from = 0;
  while (const std::uint32_t number = open_.find_if(
             from, [](const std::unique_ptr<OpenBatch>& batch) { return !batch->is_answered; })) {
    OpenBatch& batch = **open_.find(number);
    ++from;
    if (now < batch.due) {
      overdue_.set(batch.due);
      continue;
    }
    for (std::size_t place = 0; place < batch.rows.size(); ++place) {
      if (!batch.is_said[place]) {
        batch.rows[place].status = static_cast<std::uint32_t>(Errc::timeout);
      }
    }
    tell(batch);
  }
}

}  // namespace locum
