#include "core/server/remote_evictions.hpp"

#include <algorithm>

#include "core/deadline.hpp"
#include "core/node/node_memory.hpp"

namespace locum {

namespace {

// Between two questions when nobody waits any more.
constexpr std::chrono::milliseconds longest_pause_alone{1000};

}  // namespace

RemoteEvictions::RemoteEvictions(std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                                 std::chrono::milliseconds timeout)
    : exchange_(std::move(exchange)), nodes_(std::move(nodes)), timeout_(timeout) {}

// Kept here: who is told may let go of it at once.
void RemoteEvictions::retire(std::shared_ptr<RemoteEviction> given, const Key& key,
                             Clock::time_point until) noexcept {
  const auto one = std::move(given);
  one->key_ = key;
  one->until_ = until;
  if (nodes_->of_creator(key.creator) < 0) {
    return tell(*one, no_such_maker(key));
  }
  ask(one);
}

void RemoteEvictions::do_due(Clock::time_point now) noexcept {
  if (due_ > now) {
    return;
  }
  due_ = Clock::time_point::max();
  for (const auto& one : std::exchange(waiting_, {})) {
    if (one->due_ <= now) {
      ask(one);
    } else {
      due_ = std::min(due_, one->due_);
      waiting_.push_back(one);
    }
  }
}

void RemoteEvictions::ask(const std::shared_ptr<RemoteEviction>& one) noexcept {
  const KeyWords asked{one->key_};
  const auto now = exchange_->now();
  const auto until = one->until_ > now ? one->until_ : Deadline().moment(timeout_, now);
  nodes_->ask(
      nodes_->of_creator(one->key_.creator), Kind::retire, words(asked), {}, until,
      [self = shared_from_this(), one](const Result<NodeAnswer>& answer) { self->answered(one, answer); });
}

// A question that nobody has answered in time was sent, and will be heard.
void RemoteEvictions::answered(const std::shared_ptr<RemoteEviction>& one,
                               const Result<NodeAnswer>& answer) noexcept {
  if (answer) {
    return tell(*one, {});
  }
  const Error& error = answer.error();
  if (error.code() == Errc::out_of_memory) {
    return ask_later(one, error);
  }
  const bool went = error.code() == Errc::closed && nodes_->has_closed(nodes_->of_creator(one->key_.creator));
  tell(*one, went ? Result<void>() : Result<void>(error));
}

void RemoteEvictions::ask_later(const std::shared_ptr<RemoteEviction>& one, const Error& error) noexcept {
  if (closed_) {
    return tell(*one, *closed_);
  }
  one->due_ = exchange_->now() + one->back_off_.next();
  if (one->due_ >= one->until_) {
    tell(*one, error);
    one->back_off_ = BackOff(one->back_off_.pause(), longest_pause_alone);
  }
  due_ = std::min(due_, one->due_);
  waiting_.push_back(one);
}

void RemoteEvictions::close(const Error& error) noexcept {
  closed_ = error;
  due_ = Clock::time_point::max();
  for (const auto& one : std::exchange(waiting_, {})) {
    tell(*one, error);
  }
}

void RemoteEvictions::tell(RemoteEviction& one, const Result<void>& outcome) noexcept {
  if (std::exchange(one.is_awaited_, false)) {
    one.ended(outcome);
  }
}

}  // namespace locum
