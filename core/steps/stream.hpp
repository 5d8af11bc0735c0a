#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/session.hpp"
#include "core/steps/step_record.hpp"
#include "core/store.hpp"

namespace locum::detail {

/// A stream of steps is a store of its own. What its ranks tell each other are small objects in it, each put
/// once, so that none has to be protected, and all survive their makers: a *step* is there once its record is
/// there. Except for that of the stream, the records have names with their home on the node of the writer
/// with index 0, which looks at them often. These are their names, and the ways to wait for them. Any thread.
class Stream {
 public:
  using Moment = Deadline::Clock::time_point;

  /// The longest wait for a record until it is checked whether those who are to put it are here.
  static constexpr std::chrono::milliseconds look_interval{100};
  /// The part of a wait in which this thread looks by itself.
  static constexpr std::chrono::milliseconds polling{20};

  Stream(Store store, std::shared_ptr<SessionState> session, const StreamRecord& record)
      : store_(std::move(store)), session_(std::move(session)), record_(record) {}
  /// The name of the store of a stream.
  [[nodiscard]] static std::string store_of(std::string_view stream);
  /// The name of the StreamRecord.
  static constexpr std::string_view name = "stream";

  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] SessionState& session() const noexcept { return *session_; }
  [[nodiscard]] const StreamRecord& record() const noexcept { return record_; }
  [[nodiscard]] Moment moment(Deadline deadline) const;
  [[nodiscard]] Moment now() const;

  /// A StepRecord.
  [[nodiscard]] std::string step(std::uint64_t number) const { return named("step/", number); }
  /// A StepRecord of what one writer wrote.
  [[nodiscard]] std::string part(std::uint64_t number, std::uint64_t writer) const {
    return named("part/", number, writer);
  }
  /// Whether a step of that number may be written, for writers of which there are several: a RoomRecord.
  [[nodiscard]] std::string room(std::uint64_t number) const { return named("room/", number); }
  /// The SideRecord of the side that has joined as that one.
  [[nodiscard]] std::string joined(std::uint64_t place) const { return named("joined/", place); }
  /// The number of the first step that a side reads.
  [[nodiscard]] std::string from(std::uint64_t side) const { return named("from/", side); }
  /// The number of steps published; may be one too low.
  [[nodiscard]] std::string published() const { return named("published/", record_.number); }
  /// That a side has begun to read a step: the number of its turn(). Only where steps may be dropped.
  [[nodiscard]] std::string begun(std::uint64_t step, std::uint64_t side) const {
    return named("begun/", step, side);
  }
  /// Which step a side reads whose next one is that, or a later one if that was dropped.
  [[nodiscard]] std::string turn(std::uint64_t side, std::uint64_t next) const {
    return named("turn/", side, next);
  }
  /// That a rank has released a step.
  [[nodiscard]] std::string released(std::uint64_t step, const Handle& reader) const {
    return named("released/", step, reader);
  }
  /// That a rank does not read any more.
  [[nodiscard]] std::string left(const Handle& reader) const { return named("left/", 0, reader); }
  /// The Presence of a rank of a side.
  [[nodiscard]] std::string member(std::uint64_t side, std::uint64_t index) const {
    return named("member/", side, index);
  }

  /// Removes all that the stream has left, if its writer has ended it, or is gone, and all readers have left.
  /// Called by each rank that leaves, after it has said so: the last one sees that it is.
  void clean_if_left(bool writer_is_gone) const noexcept;

  /// Whether that record is there. An error counts as no.
  [[nodiscard]] bool has(std::string_view record) const;
  /// Puts one, unless it is there.
  template <class T>
  [[nodiscard]] Result<void> put(std::string_view record, const T& value, Moment until) const {
    return repeated([&]() -> Result<void> {
      const auto done = store_.put(record, value, {.codec = {}, .deadline = until});
      return done || done.error().code() == Errc::key_exists ? Result<void>() : Result<void>(done.error());
    });
  }
  /// What `change` returns, which may be called again: a rank that dies may have served a request or not, and
  /// another one of its node then serves the next.
  template <class Change>
  [[nodiscard]] static auto repeated(Change change) -> decltype(change()) {
    auto done = change();
    for (int again = 0; again < 3 && !done && done.error().code() == Errc::peer_lost; ++again) {
      done = change();
    }
    return done;
  }
  /// The record as soon as it is put; `timeout`, or what `check` returns, called before each wait of at most
  /// `look_interval`.
  template <class T, class Check>
  [[nodiscard]] Result<View<T>> wait(std::string_view record, Moment until, Check check) const {
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
      there = wait_a_while<T>(record, std::min(until, now() + look_interval));
      if (there || there.error().code() != Errc::timeout || now() >= until) {
        return there;
      }
    }
  }

  /// At first this looks again and again, so that who puts the record need not wake this thread, which costs
  /// ten times the put: after a wait of some time at most an eighth of it later, and less than 1 ms. Sleeps
  /// in between, too. After `polling` a wake-up costs less than a thousandth of the time waited.
  template <class T>
  [[nodiscard]] Result<View<T>> wait_a_while(std::string_view record, Moment until) const {
    using namespace std::chrono_literals;
    if (session_->options().node == record_.writer.owner_node) {
      const Moment began = now();
      for (Moment time = began; time < std::min(until, began + polling); time = now()) {
        const auto pause = std::clamp<Deadline::Clock::duration>((time - began) / 8, 50us, 1ms);
        std::this_thread::sleep_for(std::min(pause, until - time));
        auto there = store_.get<T>(record);
        if (there || there.error().code() != Errc::not_found) {
          return there;
        }
      }
    }
    return store_.wait<T>(record, until);
  }

 private:
  [[nodiscard]] std::string near(std::string stem) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number, std::uint64_t part) const;
  [[nodiscard]] std::string named(std::string_view kind, std::uint64_t number, const Handle& rank) const;

  Store store_;
  std::shared_ptr<SessionState> session_;
  StreamRecord record_;
};

}  // namespace locum::detail
