import type { PictureEvent, PictureRequest } from "../protocol.js";
import { picture } from "./picture.js";
import { serve } from "./scope.js";

serve<PictureRequest, PictureEvent>(
  async (request, tell) => tell({ type: "picture", picture: await picture(request) }),
  (message) => ({ type: "failed", message }),
);
