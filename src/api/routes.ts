// All routes of the API over one database.
import type { Clock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { deviceRoutes } from './device-routes.ts';
import { energyRoutes } from './energy.ts';
import { flowDataRoutes } from './flow-data.ts';
import { gatewayOperations } from './gateway-document.ts';
import { historyRoutes } from './history-routes.ts';
import { ingestOperations } from './ingest-document.ts';
import { inspectionRoutes } from './inspection-routes.ts';
import type { Intake } from './intake.ts';
import { letterRoutes } from './letter-routes.ts';
import { type Figures, metricsRoute } from './metrics-route.ts';
import { openApiRoute } from './openapi.ts';
import { restRoutes } from './rest-routes.ts';
import type { Route } from './route.ts';

export type ApiOptions = {
  query: Query;
  /** The same, and ends early. */
  brief: Query;
  clock: Clock;
  /** Where measurements that are inserted over HTTP go. */
  intake(): Intake | undefined;
  figures: Figures;
  /** In the gateway, which serves health and status itself. */
  gateway: boolean;
};

export function apiRoutes({ query, brief, clock, intake, figures, gateway }: ApiOptions): readonly Route[] {
  const routes = [
    ...deviceRoutes(query, clock),
    ...flowDataRoutes(query),
    ...energyRoutes(query, clock),
    ...historyRoutes(query, clock),
    ...inspectionRoutes(query),
    ...letterRoutes(query),
    ...restRoutes({ query, brief, clock, intake }),
    metricsRoute(figures),
  ];
  return [...routes, openApiRoute(routes, [...ingestOperations, ...(gateway ? gatewayOperations : [])])];
}
