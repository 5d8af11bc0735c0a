#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/ports/connector.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/deadline.hpp"
#include "core/value/error.hpp"

namespace locum::detail {

/// Promises, and other names, that are waited for without a thread that waits, where the connector does not
/// go on by itself: on a node that is alone, or in a process that is, or over a backend. One thread looks for
/// all of them, or has the connector look (Source::look_later()); it begins with the first, and sleeps until
/// the connector tells of a name (Source::watch()), or it is time to look again, for a name or whether its
/// maker lives. Any thread may
/// call.
class LocalWaits final {
 public:
  explicit LocalWaits(std::shared_ptr<Connector> connector);
  LocalWaits(const LocalWaits&) = delete;
  LocalWaits& operator=(const LocalWaits&) = delete;
  /// As close(); but not in a process forked from the owner, which does not have the thread.
  ~LocalWaits();

  /// Waits for what stands under the name of a promise, or under any other: found now, or a task that has
  /// begun. One without time looks once. Where there cannot be another thread it ends with `system`.
  /// \param counts, deadline of the fetch: see Source::get_or_task()
  /// \param until when the wait ends
  [[nodiscard]] NowOrTask<ObjectView> begin(std::uint32_t store, std::string name, CountsUntil counts,
                                            Deadline deadline, Deadline::Clock::time_point until);
  /// Ends all waits, present and future, with that error. May be called repeatedly.
  void close(const Error& error) noexcept;

 private:
  class Wait;
  class Alarm;
  struct State;

  static void work(const std::shared_ptr<State>& state, Connector& connector,
                   const std::shared_ptr<Alarm>& alarm) noexcept;
  static void look_at_all(const std::shared_ptr<State>& state, Connector& connector,
                          const std::shared_ptr<Alarm>& alarm, bool told) noexcept;
  static void begin_look(const std::shared_ptr<State>& state, const std::shared_ptr<Wait>& wait,
                         const std::shared_ptr<Look>& look);
  static void look(const std::shared_ptr<State>& state, Connector& connector,
                   const std::shared_ptr<Alarm>& alarm, const std::shared_ptr<Wait>& wait) noexcept;

  const std::shared_ptr<Connector> connector_;
  const std::shared_ptr<State> state_;  ///< shared with the thread
  const std::shared_ptr<Alarm> alarm_;
};

}  // namespace locum::detail
