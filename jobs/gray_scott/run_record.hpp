#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/gray_scott/event_log.hpp"
#include "jobs/gray_scott/options.hpp"

namespace gray_scott {

/// What the analysis of a frame found.
struct FrameReport {
  std::uint64_t frame = 0;
  double mass_u = 0.0;
  double mass_v = 0.0;
  double min_v = 0.0;
  double mean_v = 0.0;
  double max_v = 0.0;
  std::uint64_t isosurface_cells = 0;
};

/// What the simulation itself knows of its total mass at a frame.
struct Masses {
  double u = 0.0;
  double v = 0.0;
};

/// By frame: what was simulated, and what the analysis says of it.
struct SimulationRecord {
  std::vector<Masses> masses;
  std::vector<FrameReport> reports;  ///< on rank 0
  std::size_t first_frame = 0;
  std::uint64_t fingerprint = 0;  ///< of the fields at the end
};

/// Bytes that moved, by the store's own counters.
struct PathTraffic {
  std::string path;
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
};

/// By the store's own clock, all ranks together.
struct TransferTimes {
  double under_way_s = 0.0;   ///< fields were on their way from other nodes
  double waited_for_s = 0.0;  ///< of that, somebody waited for them
};

/// All that rank 0 knows when the run is over.
struct RunRecord {
  DemoOptions options;
  double alone_s = 0.0;    ///< the simulation without coupling, from the first step to the last
  double coupled_s = 0.0;  ///< the coupled run, until the last frame is analysed
  SimulationRecord simulation;
  std::vector<std::vector<Event>> events;  ///< of the coupled run, by rank
  std::vector<PathTraffic> traffic;
  TransferTimes transfers;
};

}  // namespace gray_scott
