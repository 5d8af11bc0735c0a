// Rank 0 puts tasks into a queue, all others take them, each the next one when it has time. The same by
// messages: a rank asks rank 0 for a task and gets it. A single rank does both by itself.

#include <optional>

#include "bench/scaling/cases/makers.hpp"
#include "bench/scaling/payload.hpp"

namespace scaling {

namespace {

class TasksCase final : public Case {
 public:
  explicit TasksCase(const Scene& scene)
      : scene_(scene),
        takers_(static_cast<std::size_t>(std::max(1, scene.ranks() - 1))),
        count_(scene.operations()),
        task_(scene.bytes) {
    static int instances = 0;  // the same on all ranks: cases are made collectively
    const std::string name = "tasks/" + std::to_string(++instances);
    if (scene.rank() == 0) {
      queue_.emplace(scene.store, name);  // its records are on the node of who opens it first
    }
    MPI_Barrier(scene.ranks_comm);
    if (scene.rank() != 0) {
      queue_.emplace(scene.store, name);
    }
  }
  ~TasksCase() override {
    if (scene_.rank() == 0) {
      (void)queue_->close();
    }
  }

  void prepare(Side /*side*/, std::uint64_t /*repetition*/) override { sum_ = 0; }
  void run(Side side) override {
    if (scene_.rank() == 0) {
      side == Side::ours ? put_all() : answer_all();
    }
    if (takes()) {
      side == Side::ours ? take_all() : ask_for_all();
    }
  }
  void finish(Side /*side*/) override {
    std::uint64_t all = 0;
    MPI_Allreduce(&sum_, &all, 1, MPI_UINT64_T, MPI_SUM, scene_.ranks_comm);
    const std::uint64_t tasks = all_operations();
    if (all != tasks * (tasks + 1) / 2) {
      throw std::runtime_error("tasks were lost, or taken twice");
    }
  }
  [[nodiscard]] std::string no_twin() const override {
    return scene_.ranks() == 1 ? "a single rank sends no messages" : "";
  }
  [[nodiscard]] std::size_t operations() const override { return count_; }
  [[nodiscard]] std::size_t all_operations() const override { return count_ * takers_; }
  [[nodiscard]] std::size_t all_bytes() const override { return all_operations() * scene_.bytes; }

 private:
  static constexpr std::uint64_t last = 0;  ///< the number of the task after which a rank takes no more

  [[nodiscard]] bool takes() const { return scene_.rank() != 0 || scene_.ranks() == 1; }

  void put_all() {
    for (std::uint64_t number = 1; number <= all_operations(); ++number) {
      mark(number);
      (void)queue_->put(task_, {.deadline = scene_.limit}).value();
    }
    mark(last);
    for (std::size_t taker = 0; taker < takers_; ++taker) {
      (void)queue_->put(task_, {.deadline = scene_.limit}).value();
    }
  }
  void take_all() {
    for (bool more = true; more;) {
      auto task = queue_->take(scene_.limit).value();
      more = done(*task);
      task.done({.deadline = scene_.limit}).value();
    }
  }
  void answer_all() {
    const int bytes = static_cast<int>(task_.size());
    const std::size_t tasks = all_operations();
    for (std::size_t answered = 0; answered < tasks + takers_; ++answered) {
      MPI_Status from;
      MPI_Recv(nullptr, 0, MPI_BYTE, MPI_ANY_SOURCE, 0, scene_.ranks_comm, &from);
      mark(answered < tasks ? answered + 1 : last);
      MPI_Send(task_.data(), bytes, MPI_BYTE, from.MPI_SOURCE, 1, scene_.ranks_comm);
    }
  }
  void ask_for_all() {
    const int bytes = static_cast<int>(task_.size());
    for (bool more = true; more;) {
      MPI_Send(nullptr, 0, MPI_BYTE, 0, 0, scene_.ranks_comm);
      MPI_Recv(task_.data(), bytes, MPI_BYTE, 0, 1, scene_.ranks_comm, MPI_STATUS_IGNORE);
      more = done(task_);
    }
  }

  void mark(std::uint64_t number) {
    Payload::set(task_, 0, number);
    if (task_.size() > Payload::word_bytes) {
      Payload::set(task_, task_.size() / Payload::word_bytes - 1, ~number);
    }
  }
  /// Adds the number of a task; false if it was the last one.
  [[nodiscard]] bool done(std::span<const std::byte> task) {
    if (task.size() != scene_.bytes) {
      throw std::runtime_error("a task of another size");
    }
    const std::uint64_t number = Payload::get(task, 0);
    if (task.size() > Payload::word_bytes &&
        Payload::get(task, task.size() / Payload::word_bytes - 1) != ~number) {
      throw std::runtime_error("wrong bytes in task " + std::to_string(number));
    }
    sum_ += number;
    return number != last;
  }

  const Scene& scene_;
  const std::size_t takers_;
  const std::size_t count_;
  std::vector<std::byte> task_;
  std::optional<locum::TaskQueue<std::byte[]>> queue_;
  std::uint64_t sum_ = 0;
};

}  // namespace

std::unique_ptr<Case> make_tasks(const Scene& scene) {
  return std::make_unique<TasksCase>(scene);
}

}  // namespace scaling
