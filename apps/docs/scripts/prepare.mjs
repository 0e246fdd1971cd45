import { drawPictures } from "./pictures.mjs";
import { writeReference } from "./reference.mjs";

drawPictures();
await writeReference();
