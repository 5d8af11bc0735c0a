#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/ports/connector.hpp"
#include "core/ports/group.hpp"
#include "shm/node.hpp"
#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_levels.hpp"
#include "tests/shm/kill_player.hpp"
#include "tests/shm/kill_scene.hpp"

namespace locum::tests {

/// The phases that all living ranks go through together; they finish one before the next begins.
enum class Phase : std::uint32_t {
  open,
  play,
  play_on,
  settle,   ///< the lowest living rank waits until the shares of the dead are adopted
  look,     ///< reads every name and every held view
  check,    ///< the lowest living rank checks that tables and pins match the views
  let_go,   ///< releases all views
  drop,     ///< each rank drops what it made or adopted
  sweep,    ///< the lowest living rank evicts what is left, by key
  collect,  ///< collects what others evicted
  measure,  ///< each rank measures what it still uses
  compare,  ///< the lowest living rank compares all figures with those at the start
  close,
};
inline constexpr std::size_t all_phases = 13;
[[nodiscard]] std::string_view name_of(Phase phase) noexcept;

/// One process of a run: opens the node, makes random calls, and, while no rank makes any, checks the state
/// that a death must have left.
class KillRank {
 public:
  KillRank(const Scene& scene, Board& board, Group& group);
  /// False: the node could not be opened, which is right if a rank died meanwhile; it is recorded.
  [[nodiscard]] bool perform(Phase phase);

 private:
  [[nodiscard]] bool open();
  void play(std::uint32_t steps);
  void settle();
  void look();
  void check();
  void sweep();
  void measure();
  void compare();
  void close();

  [[nodiscard]] std::string look_at_last(const std::byte* base) const;
  void expect(std::string_view what, std::uint64_t expected, std::uint64_t found);
  [[nodiscard]] shm::Geometry geometry() const;
  [[nodiscard]] Levels levels() const;
  [[nodiscard]] bool dead(std::uint32_t rank) const;
  [[nodiscard]] bool adopted(std::uint32_t rank) const;
  [[nodiscard]] static bool within_time(const std::function<bool()>& reached);
  [[nodiscard]] bool lowest() const;

  const Scene& scene_;
  Board& board_;
  Group& group_;
  const std::uint32_t own_;
  Journal& journal_;
  KillPlayer player_;
  std::vector<std::uint32_t> ranks_;
  LastLook last_look_;
  shm::Node node_;
  std::shared_ptr<Connector> connector_;
};

}  // namespace locum::tests
