#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/base/spin_limit.hpp"
#include "core/detail/session_state.hpp"
#include "core/ports/name_waits.hpp"
#include "core/session.hpp"
#include "core/store.hpp"

namespace locum::detail {

/// Small objects in a store that ranks tell each other something by. Each is put once, so that none has to be
/// protected, and all survive their makers. Their names have their home on the node of one rank, which looks
/// at them without a message. Any thread.
class Records {
 public:
  using Moment = Deadline::Clock::time_point;

  /// The longest wait for a record until it is checked whether those who are to put it are here.
  static constexpr std::chrono::milliseconds look_interval{100};
  /// How often a request is repeated, if the rank that received it dies.
  static constexpr int repetitions = 3;

  /// Where a record is put that is waited for.
  enum class Maker : std::uint8_t {
    here,       ///< probably on this node
    elsewhere,  ///< on another one: a request of its rank has to be served
  };

  /// \param home_rank the names have their home on its node
  /// \param home_node the number of that node
  Records(Store store, std::shared_ptr<SessionState> session, std::uint32_t home_rank, int home_node)
      : store_(std::move(store)),
        session_(std::move(session)),
        home_rank_(home_rank),
        home_node_(home_node),
        completes_waits_(session_->connector().capability<NameWaits>() == nullptr),
        looking_(std::make_shared<SpinLimit>(session_->options().spin)) {}

  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] SessionState& session() const noexcept { return *session_; }
  [[nodiscard]] Moment moment(Deadline deadline) const { return session_->completions()->moment(deadline); }
  /// Requests to other nodes without a deadline of their own end then, at the latest. Set by each call of the
  /// program that has a deadline: each of the many small requests behind it would else wait for a home that
  /// is silent. One thread at a time; copies have an end of their own.
  void ends_by(Moment latest) noexcept { latest_ = latest; }
  /// Whether that moment has come. What another node was asked since counts as missing, but is not known.
  [[nodiscard]] bool is_out_of_time() const {
    return !is_home() && latest_ != Moment::max() && now() >= latest_;
  }
  /// The end of a request to another node, without a deadline of its own.
  [[nodiscard]] Moment moment_elsewhere() const { return std::min(moment({}), latest_); }
  /// The end of a request for a record. At home it waits for nobody.
  [[nodiscard]] Moment moment_of_record() const { return is_home() ? moment({}) : moment_elsewhere(); }
  [[nodiscard]] Moment now() const { return session_->completions()->now(); }
  /// The rank whose node is the home of the names.
  [[nodiscard]] int home_rank() const noexcept { return static_cast<int>(home_rank_); }
  /// Whether the names have their home on the node of this rank.
  [[nodiscard]] bool is_home() const noexcept { return session_->options().node == home_node_; }
  /// A name that begins with `stem` and has its home there.
  [[nodiscard]] std::string near(std::string stem) const {
    return session_->connector().name_near(home_rank_, store_.number(), std::move(stem));
  }

  /// Whether that record is there. An error counts as no.
  [[nodiscard]] bool has(std::string_view record) const;
  /// The record; `not_found`.
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view record) const {
    return store_.get<T>(record, {.codec = {}, .deadline = moment_of_record()});
  }
  void evict(std::string_view record) const { (void)store_.evict(record, {.deadline = moment_of_record()}); }
  /// Puts one, unless it is there.
  template <class T>
  [[nodiscard]] Result<void> put(std::string_view record, const T& value, Moment until) const {
    return repeated([&]() -> Result<void> {
      const auto done = store_.put(record, value, {.codec = {}, .deadline = until});
      return done || done.error().code() == Errc::key_exists ? Result<void>() : Result<void>(done.error());
    });
  }
  /// The same of a flat one; whether it was this call that put it. REQUIRES: no other call puts an equal one.
  template <class T>
  [[nodiscard]] Result<bool> put_first(std::string_view record, const T& value) const {
    for (int again = 0;; ++again) {
      const auto done = store_.put(record, value);
      if (done) {
        return true;
      }
      const Errc code = done.error().code();
      if (code == Errc::key_exists) {
        // After a first attempt of unknown outcome, it may be that one's.
        const auto there = again > 0 ? store_.get<T>(record) : Result<View<T>>(done.error());
        return there && **there == value;
      }
      if (code != Errc::peer_lost || again == repetitions) {
        return done.error();
      }
    }
  }
  /// What `change` returns, which may be called again: a rank that dies may have served a request or not, and
  /// another one of its node then serves the next.
  template <class Change>
  [[nodiscard]] static auto repeated(Change change) -> decltype(change()) {
    auto done = change();
    for (int again = 0; again < repetitions && !done && done.error().code() == Errc::peer_lost; ++again) {
      done = change();
    }
    return done;
  }
  /// The record as soon as it is put; `timeout`, or what `check` returns, called before each wait of at most
  /// `look_interval`.
  template <class T, class Check>
  [[nodiscard]] Result<View<T>> wait(std::string_view record, Moment until, Check check,
                                     Maker maker = Maker::here) const {
    for (;;) {
      auto there = store_.get<T>(record, {.codec = {}, .deadline = until});
      if (there || there.error().code() != Errc::not_found) {
        return there;
      }
      if (Result<void> goes_on = check(); !goes_on) {
        // It may have been put before what the check has seen.
        there = store_.get<T>(record, {.codec = {}, .deadline = until});
        return there || there.error().code() != Errc::not_found ? std::move(there)
                                                                : Result<View<T>>(goes_on.error());
      }
      there = wait_a_while<T>(record, std::min(until, now() + look_interval), maker);
      if (there || there.error().code() != Errc::timeout || now() >= until) {
        return there;
      }
    }
  }

  /// Looks for the record again and again as long as SpinLimit says, so that who puts it need not wake this
  /// thread. Then sleeps until it is put, or the moment has come.
  template <class T>
  [[nodiscard]] Result<View<T>> wait_a_while(std::string_view record, Moment until,
                                             Maker maker = Maker::here) const {
    if (!is_home()) {
      return store_.wait<T>(record, until);
    }
    if (maker == Maker::elsewhere && completes_waits_) {
      return store_.wait_async<T>(record, until).get(until);  // this thread serves the request
    }
    const Moment began = now();
    const Moment end = std::min(until, began + looking_->time(began));
    Moment yield_at = began + looking_->cost();
    for (Moment time = began; time < end; time = now()) {
      auto there = store_.get<T>(record);
      if (there || there.error().code() != Errc::not_found) {
        looking_->took(time - began);
        return there;
      }
      if (time >= yield_at) {
        if (!looking_->yield([this] { return now(); })) {
          break;
        }
        yield_at = time + looking_->cost();
      }
    }
    auto there = store_.wait<T>(record, until);
    looking_->took(now() - began);
    return there;
  }

 private:
  Store store_;
  std::shared_ptr<SessionState> session_;
  std::uint32_t home_rank_;
  int home_node_;
  Moment latest_ = Moment::max();
  bool completes_waits_;                ///< a wait without a thread needs none of the library, either
  std::shared_ptr<SpinLimit> looking_;  ///< of this side of a stream or a queue
};

/// Appends the digits of a number to a name.
void append_number(std::string& text, std::uint64_t number);

}  // namespace locum::detail
