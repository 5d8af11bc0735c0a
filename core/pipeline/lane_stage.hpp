#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <locum/detail/pipeline/function_stages.hpp>
#include <locum/detail/pipeline/lane_gate.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>

namespace locum::detail::stages {

/// What a lane may hold, and how many threads it has.
struct LaneLimits {
  std::size_t depth = 1;
  std::size_t threads = 1;
  std::uint64_t bytes = ~std::uint64_t{0};
  bool keeps_order = true;
};

/// The work of prefetch(): none.
struct NoWork {
  template <class T, class P>
  [[nodiscard]] Pulled<T, P> operator()(Pulled<T, P>&& from) const {
    return std::move(from);
  }
};

/// The work of async_map() with a function that blocks.
template <class F>
struct BlockingWork {
  F function;
  CallSettings settings;

  template <class T, class P>
  [[nodiscard]] auto operator()(Pulled<T, P>&& from) {
    return mapped(settings, function, std::move(from));
  }
};

/// A size of elements that are bounded by their number alone.
struct NoSize {
  template <class T>
  [[nodiscard]] std::uint64_t operator()(const T& /*element*/) const noexcept {
    return 0;
  }
};

/// prefetch(), and async_map() with a function that blocks: threads pull elements and work on them ahead of
/// the consumer. They start with the first pull().
template <class S, class Work, class Size>
class LaneStage {
  using From = PulledFrom<S>;
  using To = decltype(std::declval<Work&>()(std::declval<From>()));

 public:
  using Value = typename decltype(To::value)::value_type;
  using Position = typename S::Position;

  LaneStage(S upstream, Work work, Size size, LaneLimits limits, std::shared_ptr<PipelineLog> log)
      : core_(std::make_unique<Core>(std::move(upstream), std::move(work), std::move(size), limits,
                                     std::move(log))) {}
  LaneStage(LaneStage&&) noexcept = default;
  LaneStage& operator=(LaneStage&&) = delete;
  ~LaneStage() {
    if (core_ && core_->gate.in_child()) {
      (void)core_.release();  // the parent's threads may hold its locks for ever
    }
  }

  [[nodiscard]] To pull(Moment moment) { return core_->pull(moment); }
  void cancel() noexcept {
    if (!core_->gate.in_child()) {
      core_->gate.stop();
      core_->upstream.cancel();
    }
  }
  void close() noexcept {
    if (!core_->gate.in_child()) {
      core_->gate.stop();
      core_->gate.join();
      core_->log->note_cancelled(core_->clear());
      core_->upstream.close();
    }
  }
  [[nodiscard]] Result<void> rewind() {
    if (core_->gate.in_child()) {
      return begun_before_fork();
    }
    core_->gate.stop();
    core_->gate.join();
    (void)core_->clear();
    core_->gate.reset();
    return core_->upstream.rewind();
  }

 private:
  // A source that cannot be cancelled delays the end of the threads by at most this.
  static constexpr std::chrono::seconds longest_pull{1};

  struct Core {
    Core(S from, Work function, Size size_of, LaneLimits most, std::shared_ptr<PipelineLog> shared)
        : upstream(std::move(from)),
          work(std::move(function)),
          size(std::move(size_of)),
          limits(most),
          log(std::move(shared)),
          places(most.depth),
          gate(most.depth, most.bytes, most.keeps_order) {}

    [[nodiscard]] To pull(Moment moment) {
      if (gate.in_child()) {
        return pulled_failure<Value>(begun_before_fork(), Place<Position>());
      }
      if (auto started = gate.start(limits.threads, [this] { run(); }); !started) {
        return pulled_failure<Value>(started.error(), Place<Position>());
      }
      std::size_t place = 0;
      switch (gate.await(moment, place)) {
        case LaneGate::Arrival::filled: {
          To one = std::move(*places[place]);
          places[place].reset();
          gate.release(place);
          return one;
        }
        case LaneGate::Arrival::end:
          return pulled_end<Value>(end);
        case LaneGate::Arrival::late:
          break;
      }
      return {};
    }

    // The body of each thread.
    void run() noexcept {
      while (const auto place = gate.begin_pull()) {
        bool has_turn = true;
        try {
          From from = upstream.pull(Deadline::Clock::now() + longest_pull);
          if (from.kind == Pull::late) {
            gate.refuse_pull(*place, false);
            continue;
          }
          if (from.kind == Pull::end) {
            end = std::move(from.place);
            gate.refuse_pull(*place, true);
            return;
          }
          has_turn = false;
          gate.end_pull(*place);
          places[*place].emplace(work(std::move(from)));
          const To& made = *places[*place];
          const std::uint64_t bytes = made.kind == Pull::element ? size(*made.value) : 0;
          gate.fill(*place, bytes, made.kind == Pull::failed);
        } catch (...) {
          if (has_turn) {
            gate.end_pull(*place);
          }
          places[*place].emplace(pulled_failure<Value>(error_of_exception(), Place<Position>()));
          gate.fill(*place, 0, true);
        }
      }
    }

    /// Drops what the consumer has not taken; returns the number of elements.
    std::uint64_t clear() {
      std::uint64_t elements = 0;
      std::size_t place = 0;
      gate.reset();
      while (gate.await(Deadline::Clock::now(), place) == LaneGate::Arrival::filled) {
        elements += places[place]->kind == Pull::element ? 1 : 0;
        places[place].reset();
        gate.release(place);
      }
      gate.stop();
      return elements;
    }

    S upstream;
    Work work;
    Size size;
    const LaneLimits limits;
    std::shared_ptr<PipelineLog> log;
    std::vector<std::optional<To>> places;
    Place<Position> end;
    LaneGate gate;  ///< last: its threads use the others
  };

  std::unique_ptr<Core> core_;
};

}  // namespace locum::detail::stages
