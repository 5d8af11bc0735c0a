#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/async/operation.hpp"
#include "core/async/window.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The share of a window that an object fetched ahead of use takes, from its first request on. Belongs to one
/// operation and is used in its tasks. While it waits to enter, it takes nothing.
class Turn {
 public:
  using Moment = Deadline::Clock::time_point;

  /// \param until when the operation gives up; the greatest: the client's timeout after it was let in
  Turn(const NodeClient& client, std::shared_ptr<Window> window, Moment until)
      : client_(client), window_(std::move(window)), by_default_(until == Moment::max()), until_(until) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { end(); }

  /// Waits until that many bytes fit, if its share is smaller; it takes nothing meanwhile.
  [[nodiscard]] Task<Result<void>> enter(std::uint64_t bytes) {
    if (way_ && bytes <= bytes_) {
      co_return Result<void>();
    }
    end();
    way_.reset();
    auto way = co_await window_->enter(bytes);
    if (!way) {
      co_return way.error();
    }
    way_.emplace(std::move(*way));
    bytes_ = bytes;
    if (by_default_) {
      until_ = client_.moment({});
    }
    client_.times()->begin(client_.now());
    is_under_way_ = true;
    co_return Result<void>();
  }
  /// When the operation gives up: counted from when it was last let in, if it has no deadline.
  [[nodiscard]] Moment until() const noexcept { return until_; }
  /// The object has arrived with that size; its share is that size as long as the returned owner lives.
  /// REQUIRES: the last enter() has succeeded.
  [[nodiscard]] Window::Way arrive(std::uint64_t bytes) noexcept {
    end();
    way_->arrive(bytes);
    return *std::exchange(way_, std::nullopt);
  }

 private:
  void end() noexcept {
    if (std::exchange(is_under_way_, false)) {
      client_.times()->end(client_.now());
    }
  }

  const NodeClient& client_;
  const std::shared_ptr<Window> window_;
  const bool by_default_;
  Moment until_;
  std::optional<Window::Way> way_;
  std::uint64_t bytes_ = 0;
  bool is_under_way_ = false;
};

}  // namespace locum
