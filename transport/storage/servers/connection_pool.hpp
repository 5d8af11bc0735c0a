#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/errors.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Connections to a server, one for each call under way, and at most so many; they are kept for the next
/// calls. A Connection says whether it is_clean(): unbroken, and with no reply to come; and, when it has been
/// idle, whether it is_reusable(): the server did not close it meanwhile. Any thread may call.
template <class Connection>
class ConnectionPool {
 public:
  using Open = std::function<Result<Connection>(Deadline)>;

  /// A connection that its owner alone uses, until this is destroyed.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) {
        pool_->give_back(std::move(connection_));
      }
    }
    Connection* operator->() const noexcept { return connection_.get(); }
    Connection& operator*() const noexcept { return *connection_; }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  ConnectionPool(std::uint32_t most, Open open) : most_(most), open_(std::move(open)) {}

  /// One that is idle, or another one; `timeout` if all are used until then, and the errors of opening one.
  [[nodiscard]] Result<Lease> borrow(Deadline deadline) LOCUM_EXCLUDES(mutex_) {
    while (true) {
      std::unique_ptr<Connection> idle;
      {
        MutexLock lock(mutex_);
        while (idle_.empty() && open_count_ == most_) {
          if (!lock.wait_until(returned_, deadline.moment(std::chrono::seconds(30))) && idle_.empty() &&
              open_count_ == most_) {
            return deadline_passed(
                "none of the " + std::to_string(most_) + " connections to the server became free",
                "raise the option connections of the URL");
          }
        }
        if (idle_.empty()) {
          ++open_count_;
        } else {
          idle = std::move(idle_.back());
          idle_.pop_back();
        }
      }
      if (idle && idle->is_reusable()) {
        return Lease(*this, std::move(idle));
      }
      if (idle) {  // the server has closed it meanwhile
        idle.reset();
        is_gone();
        continue;
      }
      auto opened = open_(deadline);
      if (!opened) {
        is_gone();
        return opened.error();
      }
      return Lease(*this, std::make_unique<Connection>(std::move(*opened)));
    }
  }

 private:
  void give_back(std::unique_ptr<Connection> connection) LOCUM_EXCLUDES(mutex_) {
    if (!connection->is_clean()) {
      connection.reset();
      is_gone();
      return;
    }
    const MutexLock lock(mutex_);
    idle_.push_back(std::move(connection));
    returned_.notify_one();
  }
  void is_gone() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    --open_count_;
    returned_.notify_one();
  }

  const std::uint32_t most_;
  const Open open_;
  Mutex mutex_;
  std::condition_variable returned_;
  std::uint32_t open_count_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Connection>> idle_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::storage
