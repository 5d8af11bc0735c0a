#include "core/rpc/batch_dispatcher.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

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

bool BatchDispatcher::take(const Request& bundle, Service& service) {
  const auto kind = kind_within(bundle.kind);
  const std::size_t words_bytes = words_within(bundle.kind);
  const auto asked = read_words<BundleWords>(bundle.body);
  if (!kind || !asked || !are_bundled(bundle.bulk, asked->count, words_bytes)) {
    return false;
  }
  std::uint32_t& open_of_it = open_of_[static_cast<std::size_t>(bundle.from)];
  if (open_of_it + asked->count > most_open ||
      !channel_->has_room(bundle.from, asked->count * sizeof(BatchReplyRow))) {
    channel_->refuse(bundle.from, bundle.call, call_error::crowded(bundle.from, channel_->options().rank));
    return true;
  }
  const std::chrono::nanoseconds longest =
      std::min<std::chrono::milliseconds>(timeout_, std::chrono::hours(24 * 365));
  const auto patience =
      std::chrono::nanoseconds(std::min(asked->patience_ns, static_cast<std::uint64_t>(longest.count())));
  auto made = std::make_unique<Bundle>(
      Bundle{bundle.from,
             bundle.call,
             channel_->now() + patience,
             asked->count,
             std::vector<BatchReplyRow>(asked->count),
             std::vector<bool>(asked->count),
             {},
             std::make_shared<std::vector<std::byte>>(asked->count * sizeof(BatchReplyRow))});
  const std::uint32_t number = open_.reserve();
  open_.put(std::move(made));
  open_of_it += asked->count;
  auto left = bundle.bulk;
  for (std::uint32_t place = 0; place < asked->count; ++place) {
    const auto request = bundled(left, words_bytes);
    service.serve({bundle.from, bundle.call, *kind, request->words, request->bulk, number, place});
  }
  if (const auto* const waits = open_.find(number)) {
    overdue_.set((*waits)->due);
  }
  return true;
}

// A batch that was answered at its deadline may still get replies to its requests.
BatchDispatcher::Bundle* BatchDispatcher::find(ReplyTo reply_to) noexcept {
  auto* const found = open_.find(reply_to.call);
  const bool is_due =
      found != nullptr && reply_to.place() < (*found)->rows.size() && !(*found)->is_said[reply_to.place()];
  return is_due ? found->get() : nullptr;
}

void BatchDispatcher::reply(ReplyTo reply_to, std::span<const std::byte> body) noexcept {
  if (body.empty()) {
    return refuse(reply_to, says_nothing());
  }
  if (Bundle* const bundle = find(reply_to)) {
    BatchReplyRow& row = bundle->rows[reply_to.place()];
    std::memcpy(&row.value, body.data(), std::min(body.size(), sizeof row.value));
    said(*bundle, reply_to);
  }
}

void BatchDispatcher::refuse(ReplyTo reply_to, const Error& error) noexcept {
  if (Bundle* const bundle = find(reply_to)) {
    bundle->rows[reply_to.place()].status = static_cast<std::uint32_t>(error.code());
    bundle->errors.emplace_back(reply_to.place(), error);
    said(*bundle, reply_to);
  }
}

void BatchDispatcher::said(Bundle& bundle, ReplyTo reply_to) noexcept {
  bundle.is_said[reply_to.place()] = true;
  if (--bundle.left > 0) {
    return;
  }
  const auto all_said = open_.take(reply_to.call);
  open_of_[static_cast<std::size_t>(all_said->from)] -= static_cast<std::uint32_t>(all_said->rows.size());
  if (!all_said->is_answered) {
    tell(*all_said);
  }
}

void BatchDispatcher::tell(Bundle& bundle) noexcept {
  bundle.is_answered = true;
  pack_errors(bundle);
  std::ranges::copy(std::as_bytes(std::span(bundle.rows)), bundle.bytes->begin());
  const BatchAnswerWords body{.count = static_cast<std::uint32_t>(bundle.rows.size())};
  channel_->reply(bundle.from, bundle.call, words(body), {*bundle.bytes, bundle.bytes, bundle.bytes->size()});
}

// Packs as many as there is room for.
void BatchDispatcher::pack_errors(Bundle& bundle) const noexcept {
  std::ranges::sort(bundle.errors, {}, [](const auto& each) { return each.first; });
  std::vector<std::byte>& bytes = *bundle.bytes;
  const std::size_t rows_bytes = bytes.size();
  for (const auto& [place, error] : bundle.errors) {
    const auto packed = pack(error);
    const std::size_t size = bytes.size() + packed.size();
    if (size - rows_bytes <= most_error_bytes && channel_->has_room(bundle.from, size)) {
      bytes.insert(bytes.end(), packed.begin(), packed.end());
      bundle.rows[place].error_bytes = static_cast<std::uint32_t>(packed.size());
    }
  }
}

// Answers the batches whose sender's patience is over. They stay open until all their requests have replies.
void BatchDispatcher::end_overdue(Clock::time_point now) noexcept {
  std::size_t from = 0;
  while (const std::uint32_t number = open_.find_if(
             from, [](const std::unique_ptr<Bundle>& bundle) { return !bundle->is_answered; })) {
    Bundle& bundle = **open_.find(number);
    ++from;
    if (now < bundle.due) {
      overdue_.set(bundle.due);
      continue;
    }
    for (std::size_t place = 0; place < bundle.rows.size(); ++place) {
      if (!bundle.is_said[place]) {
        bundle.rows[place].status = static_cast<std::uint32_t>(Errc::timeout);
      }
    }
    tell(bundle);
  }
}

}  // namespace locum
